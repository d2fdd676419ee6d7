import { expect, test } from '@jest/globals'
import { lastLine, run } from '../../support/command.ts'
import { testPython } from '../../support/terrarium.ts'
import type { Figure } from '../figure.ts'
import { interval } from './interval.ts'

const PROGRAM = `
  import { main } from './test/dist/bench/main.js'
  process.exitCode = await main(process.argv.slice(1))
`

test('the interval follows the distribution of Student', () => {
  // Mean 2, standard deviation 1, error of the mean 1 / √3.
  const [lower, upper] = interval([1, 2, 3], { count: 3, quantile: 4.303 })
  expect([lower, upper].map((end) => end.toFixed(3))).toEqual(['-0.484', '4.484'])
  expect(() => interval([1], { count: 3, quantile: 4.303 })).toThrow('1 values for 3 pairs')
})

test('an observer is compared with none, without a reader and with one, and calls make no event', async () => {
  const { code, stdout, stderr } = await run(
    process.execPath,
    ['--input-type=module', '--eval', PROGRAM, 'observe', '--quick', '--json'],
    { env: { TERRARIUM_PYTHON: testPython() } },
  )
  // At this size it says nothing whether targets of time are met.
  expect({ code, stderr }).toEqual({ code: expect.any(Number), stderr: expect.not.stringContaining('Error') })
  const { figures } = JSON.parse(lastLine(stdout)) as { figures: Figure[] }
  expect(figures.map(({ name, target }) => [name, target])).toEqual([
    ['pool.call without an observer', null],
    ['lost by an observer without a reader, lower end of the 95 % interval', { atMost: 3 }],
    ['lost by an observer without a reader, upper end', null],
    ['processor time in Node that it adds to a call, lower end of the 95 % interval', { atMost: 3 }],
    ['processor time in Node that it adds to a call, upper end', null],
    ['events of the ring that these calls have made', { atMost: 0 }],
    ['pool.call while a command follows', { atLeast: 0.5 }],
  ])
  expect(figures.map(({ value }) => Number.isFinite(value))).toEqual(figures.map(() => true))
  expect(figures[5]).toMatchObject({ value: 0, met: true })
})
