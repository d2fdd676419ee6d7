import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { isAlive } from '../../../test/support/processes.ts'
import { STAYS, keepShell, next, pidOf } from './kept.ts'

test('a program that is not ready in time is ended, by the clock that is given', async () => {
  const clock = new VirtualClock()
  const kept = await keepShell('echo waiting >&2; exec sleep 60', {
    clock,
    ready: /^up$/,
    startTimeout: 5_000,
    breaker: { identical: 1 },
  })
  const { pid } = await next(kept, 'program.start')
  await clock.advance(4_999)
  expect(isAlive(pid)).toBe(true)
  expect(kept.status).toBe('starting')
  await clock.advance(1)
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'program sh was not ready within 5000 ms',
    hint: expect.stringContaining('startTimeout'),
    details: { pid, signal: 'SIGTERM' },
  })
  expect(isAlive(pid)).toBe(false)
})

test('the start time-out ends once the program is ready', async () => {
  const clock = new VirtualClock()
  const kept = await keepShell(STAYS, { clock, ready: /^up$/ })
  await kept.whenReady()
  expect(clock.pending).toBe(0)
  await clock.advance(100_000)
  expect(kept.status).toBe('running')
  expect(isAlive(pidOf(kept))).toBe(true)
})

test.each([
  ['a RegExp that remembers where it was', 'echo it is up', /up$/g],
  [
    'a function of a line of standard error',
    'echo it is up; sleep 0.1; echo it is up >&2',
    (line: string, stream: string) => stream === 'stderr' && line === 'it is up',
  ],
])('a program is ready when %s says so, at each start', async (_, script, ready) => {
  const kept = await keepShell(`${script}; exec sleep 60`, { ready, lines: true })
  let streams: string[] = []
  kept.on('program.line', ({ stream }) => streams.push(stream))
  await kept.whenReady()
  const heard = streams
  streams = []
  const again = next(kept, 'child.ready')
  process.kill(pidOf(kept), 'SIGKILL')
  expect(await again).toMatchObject({ incarnation: 2 })
  expect(heard).toEqual(ready instanceof RegExp ? ['stdout'] : ['stdout', 'stderr'])
  expect(streams).toEqual(heard)
})

test('a ready function that throws fails the start', async () => {
  const cause = new Error('no idea')
  const ready = () => {
    throw cause
  }
  const kept = await keepShell(STAYS, { ready, breaker: { identical: 1 } })
  const error: unknown = await kept.whenReady().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'START_FAILED', message: expect.stringMatching(/cannot be asked/) })
  expect((error as Error).cause).toBe(cause)
})

test.each([{}, { ready: /^up$/ }, { ready: /^up$/, lines: true }])(
  'a chatty program does not stop at a full pipe, with %j',
  async (options) => {
    const chat = 'head -c 1000000 /dev/zero'
    const kept = await keepShell(`echo up; ${chat}; ${chat} >&2; exit 0`, { restart: 'transient', ...options })
    expect(await next(kept, 'child.exit')).toMatchObject({ reason: { type: 'normal', output: { code: 0 } } })
  },
)

test('with lines, all output is reported before the exit', async () => {
  const kept = await keepShell('echo one; echo two >&2; printf three', { lines: true, restart: 'temporary' })
  const told: string[] = []
  kept.on('program.line', ({ line }) => told.push(line))
  kept.on('child.exit', () => told.push('exit'))
  await next(kept, 'supervisor.exit')
  expect(told.at(-1)).toBe('exit')
  expect(told.sort()).toEqual(['exit', 'one', 'three', 'two'])
})

test('a line that does not end is reported in pieces', async () => {
  const script = 'head -c 200000 /dev/zero | tr "\\0" x; echo y'
  const kept = await keepShell(script, { lines: true, restart: 'temporary' })
  const told: string[] = []
  kept.on('program.line', ({ line }) => told.push(line))
  await next(kept, 'supervisor.exit')
  expect(told.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 3393])
  expect(told.join('')).toBe(`${'x'.repeat(200_000)}y`)
})
