// Times, sizes, cut lines, hints and exit codes.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { TerrariumError, type ErrorCode } from '@terrarium/supervisor/base'
import { ROOT } from '../../../test/support/command.ts'
import { UsageError } from '../src/index.ts'
import { exitCodeFor } from '../src/terminal/exit-codes.ts'
import { inOwnWords } from '../src/terminal/hints.ts'
import { cut } from '../src/terminal/output.ts'
import { duration, mebibytes } from '../src/terminal/units.ts'

test.each([
  [-5, '0s'],
  [999, '0s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [7_200_000, '2h'],
  [200_000_000, '2d'],
])('%i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test('bytes are shown in MiB, and a line that is too long ends with an ellipsis', () => {
  expect(mebibytes(52_428_800)).toBe('50M')
  expect([cut('abcdef', 6), cut('abcdefg', 6)]).toEqual(['abcdef', 'abcde…'])
})

test.each([
  ['CONFIGURATION', 78],
  ['PARKED', 78],
  ['TOOL_NOT_FOUND', 4],
  ['STOPPED', 3],
  ['POOL_SATURATED', 75],
  ['STATE_LOCKED', 75],
  ['DEADLINE_EXCEEDED', 124],
  ['QUEUE_TIMEOUT', 124],
  ['WORKER_CRASHED', 1],
] satisfies [ErrorCode, number][])('%s ends the command with %i', (code, exitCode) => {
  expect(exitCodeFor(new TerrariumError(code, 'failed'))).toBe(exitCode)
})

test('wrong usage ends the command with 2, a bug with 1', () => {
  expect([exitCodeFor(new UsageError('no')), exitCodeFor(new TypeError('x'))]).toEqual([2, 1])
})

test.each([
  ['Set TERRARIUM_STATE_DIR (or the option stateDir) to a folder.', 'Set TERRARIUM_STATE_DIR to a folder.'],
  ['Pass the option `python`.', 'Pass `--python`.'],
  ['Look at what tools does. Or raise `startTimeout`.', 'Look at what tools does.'],
  ['Install numpy.', 'Install numpy.'],
  [
    "Correct the path that is given to the pool. A path is relative to the host's working directory; " +
      "new URL('./tools.py', import.meta.url) is relative to the module that it is written in.",
    'Correct FILE: a path is relative to the working directory.',
  ],
  [
    'Correct the name pkg.tools that is given to the pool. It is looked for in /a, which the option `cwd` sets, and in ' +
      'what is installed; a file can be given by its path.',
    'Correct FILE, which is pkg.tools. It is looked for in /a and in what is installed; a file can be given by its path.',
  ],
  [
    "Add that to the option `env`, { PYTHONPATH: '/a b' }. Nothing is to be installed.",
    'Set PYTHONPATH=/a b in the environment. Nothing is to be installed.',
  ],
  [
    "Put the file helper beside the tools, or add its folder to the option `env`, { PYTHONPATH: '…' }: its name is",
    'Put the file helper beside the tools, or add its folder to PYTHONPATH in the environment: its name is',
  ],
  [
    'Start the workers where app is found: it belongs to the tools, and the option `cwd` says where.',
    'Run the command where app is found: it belongs to the tools.',
  ],
  [
    "Set the option `transport` to 'socket', which needs no package.",
    'Use `--transport socket`, which needs no package.',
  ],
])('a hint has the words of the command: %s', (hint, own) => {
  expect(inOwnWords(hint)).toBe(own)
})

test('every option that a sentence of Python or of a process names has a word of the command', () => {
  const folders = ['python/src/terrarium', 'packages/worker/src', 'packages/process/src']
  const isSentence = (line: string): boolean =>
    /^(?!\s*"{3})\s*(?:f?["'`]|\w+: ['`]|sentences|hint|return f?")/.test(line)
  const named = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(py|ts)$/.test(file))
      .flatMap((file) => readFileSync(join(ROOT, folder, file), 'utf8').split('\n'))
      .filter(isSentence)
      .flatMap((line) => [...line.matchAll(/the option `?(\w+)`?/g)].map(([, option = '']) => option)),
  )
  expect([...new Set(named)].sort()).toEqual(['cwd', 'env', 'python', 'stateDir', 'transport'])
})
