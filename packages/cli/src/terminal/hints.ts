// Hints in the words of the command: what is an option of a pool has another name here, or none.
import { isTerrariumError, TerrariumError } from '@terrarium/supervisor/base'

/** What the sentences of the packages say, and what the command calls it. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/ \(or the option `?stateDir`?\)/g, ''],
  [
    /Correct the path that is given to the pool\. A path is relative to the host's working directory; .* written in\./g,
    'Correct FILE: a path is relative to the working directory.',
  ],
  [/Correct the name (\S+) that is given to the pool\./g, 'Correct FILE, which is $1.'],
  [/, which the option `cwd` sets, and/g, ' and'],
  [/Start the workers where (.*?), and the option `cwd` says where\./g, 'Run the command where $1.'],
  [/start the host in the folder/g, 'run the command in the folder'],
  [/Set the option `transport` to '(\w+)'/g, 'Use `--transport $1`'],
  [/Add that to the option `env`, \{ PYTHONPATH: '([^']*)' \}/g, 'Set PYTHONPATH=$1 in the environment'],
  [/add its folder to the option `env`, \{ PYTHONPATH: '…' \}/g, 'add its folder to PYTHONPATH in the environment'],
  [/in the option `env`/g, 'in the environment'],
  [/the option `python`/g, '`--python`'],
  [/ Or raise `startTimeout`\./g, ''],
  [/the option `containment`/g, 'the variable TERRARIUM_CONTAINMENT'],
]

export function inOwnWords(hint: string): string {
  return WORDS.reduce((text, [pattern, word]) => text.replace(pattern, word), hint)
}

/** The error with such a hint; any other error as it is. */
export function withOwnHint(error: unknown): unknown {
  if (!isTerrariumError(error) || error.hint === undefined) return error
  const { code, message, details, cause } = error
  return new TerrariumError(code, message, { hint: inOwnWords(error.hint), details, cause })
}
