// Times, sizes, cut lines, hints and exit codes.
import { expect, test } from '@jest/globals'
import { TerrariumError, type ErrorCode } from '@terrarium/supervisor/base'
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
])('a hint has the words of the command: %s', (hint, own) => {
  expect(inOwnWords(hint)).toBe(own)
})
