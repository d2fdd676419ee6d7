// Hints in the words of the command: options of a pool have another name here, or none.
import { isTerrariumError, TerrariumError } from '@terrarium/supervisor/base'

/** What the sentences of the packages say, and what the command calls it. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/ \(or the option `?stateDir`?\)/g, ''],
  [/the option `python`/g, '`--python`'],
  [/ Or raise `startTimeout`\./g, ''],
  [/in the option `env`/g, 'in the environment'],
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
