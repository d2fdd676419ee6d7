import { expect, test } from '@jest/globals'
import { UsageError } from '@terrarium/cli'
import { parseOptions } from '../src/arguments.ts'

test('without arguments: the standard library, a worker for each core, with chaos', () => {
  expect(parseOptions([], 6)).toEqual({ directory: undefined, workers: 6, chaos: true, watch: false, json: false })
})

test('all options are accepted at once, in any order', () => {
  const expected = { directory: 'lib', workers: 3, chaos: false, watch: true, json: true }
  expect(parseOptions(['lib', '--workers', '3', '--no-chaos', '--watch', '--json'])).toEqual(expected)
  expect(parseOptions(['--json', '--workers=3', '--watch', '--no-chaos', '--', 'lib'])).toEqual(expected)
  expect(parseOptions(['--help', 'lib'])).toBe('help')
})

test.each([['0'], ['-1'], ['1.5'], ['many'], [''], ['1025'], ['1e2']])('--workers %j is refused', (workers) => {
  expect(() => parseOptions([`--workers=${workers}`])).toThrow(UsageError)
})

test.each([[['a', 'b']], [['']]])('the directories %j are refused', (argv) => {
  expect(() => parseOptions(argv)).toThrow(UsageError)
})

test.each([[['--wrokers', '2']], [['--workers']], [['--json=yes']]])('%j is refused by name', (argv) => {
  expect(() => parseOptions(argv)).toThrow(argv[0]?.split('=')[0] ?? '')
})
