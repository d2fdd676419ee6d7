import { expect, test } from '@jest/globals'
import { mustEnd, run } from '../support/command.ts'
import { TRANSPORTS } from '../support/transport.ts'
import { grown, type Census } from './census.ts'
import type { Sample } from '../chaos/trend.ts'
import { Random } from '../support/random.ts'
import { growth } from './memory.ts'
import { parseRequest } from './request.ts'

test.each(TRANSPORTS)('38: a short soak over %s leaves nothing, and all its counts close', async (transport) => {
  const args = ['--minutes', '0.15', '--seed', '1', '--transport', transport]
  const ran = await run('npm', ['run', '--silent', 'soak', '--', ...args])
  mustEnd(ran, 0, 'soak: clean')
  const { stdout } = ran
  expect(stdout).toContain('left at the end: nothing')
  for (const pool of ['calm', 'wild']) {
    const [, accepted, completed, failed] =
      new RegExp(`^${pool}: (\\d+) accepted, (\\d+) completed, (\\d+) failed`, 'm').exec(stdout) ?? []
    expect(Number(completed)).toBeGreaterThan(10)
    expect(Number(accepted)).toBe(Number(completed) + Number(failed))
  }
})

test.each(TRANSPORTS)(
  'many items of one stream over %s need no memory, and a reader that stops is waited for',
  async (transport) => {
    const ran = await run('npm', ['run', '--silent', 'soak', '--', '--items', '100000', '--transport', transport])
    mustEnd(ran, 0, 'soak: clean')
    expect(ran.stdout.match(/^\d+ items, \d+ items\/s/gm)).toHaveLength(10)
    const [, made, most] = /stopped for 5000 ms: (\d+) items were made, at most (\d+)/.exec(ran.stdout) ?? []
    expect(Number(made)).toBeGreaterThanOrEqual(1_000)
    expect(Number(made)).toBeLessThanOrEqual(Number(most))
  },
)

test('bad arguments are refused', () => {
  expect(parseRequest(['--minutes', 'many'])).toBe('--minutes must be a number above 0, not many')
  expect(parseRequest(['--seed', '-1'])).toMatch(/seed/)
  expect(parseRequest(['--transport', 'pigeon'])).toBe(
    `--transport must be one of ${TRANSPORTS.join(', ')}, not pigeon`,
  )
  expect(parseRequest(['--items', 'x'])).toBe('--items must be a whole number from 10, not x')
  expect(parseRequest(['--items', '10'])).toMatchObject({ items: 10 })
  expect(parseRequest(['--minutes', '2', '--seed', '3'])).toEqual({ minutes: 2, seed: 3, transports: TRANSPORTS })
})

test('what is left at the end is named', () => {
  const before: Census = {
    processes: 0,
    sharedMemory: 1,
    descriptors: 30,
    timers: 2,
    listeners: 5,
    controlGroups: 0,
    runtimeFolders: 0,
    runs: 0,
  }
  expect(grown(before, { ...before, descriptors: 29 })).toEqual([])
  expect(grown(before, { ...before, timers: 3, runs: 1 })).toEqual([
    'timers: 2 before, 3 after',
    'runs: 0 before, 1 after',
  ])
})

test('growth is told from noise that hangs together, and from a step', () => {
  const random = new Random(1, 0)
  const series = (perMinute: number): Sample[] => {
    let held = 0
    return Array.from({ length: 300 }, (_, second) => {
      held = 0.9 * held + random.next() * 2e6
      return { cycles: second / 60, value: 100e6 + held + (perMinute * second) / 60 }
    })
  }
  for (let n = 0; n < 20; n += 1) {
    const still = growth(series(0))
    expect(still.slope - still.error).toBeLessThan(1e6)
    const growing = growth(series(4e6))
    expect(growing.slope - growing.error).toBeGreaterThan(1e6)
  }
  const step = series(0).map(({ cycles, value }) => ({ cycles, value: value + (cycles > 4 ? 3e6 : 0) }))
  const { slope, error } = growth(step)
  expect(slope - error).toBeLessThan(1e6)
})
