import { expect, test } from '@jest/globals'
import type { AnyActorLogic } from 'xstate'
import { IGNORE, type SupervisorOptions } from '@terrarium/supervisor'
import { bench, child, idle, obedient, type Bench } from '../support.ts'
import { BOOM, NORMAL } from './actors.ts'

/** A supervisor with children of these names, each of which lives long enough. */
async function started(options: Partial<SupervisorOptions>, ...ids: string[]): Promise<Bench> {
  const it = bench({ mode: 'otp', intensity: 10, children: ids.map((id) => child(id)), ...options })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

const moves = (it: Bench): string[] => it.take('child.exit', 'child.start').map((move) => move.replace('child.', ''))
const restarts = ({ events }: Bench): number => events.filter(({ type }) => type === 'child.restart').length
const reasons = ({ events }: Bench): unknown[] =>
  events.flatMap((each) => (each.type === 'child.exit' ? [each.reason] : []))

/** The children end one after another while the supervisor is busy with the start of another child. */
async function dieAtOnce(it: Bench, ...ids: string[]): Promise<void> {
  let release = (_: AnyActorLogic): void => undefined
  const logic = new Promise<AnyActorLogic>((resolve) => {
    release = resolve
  })
  const busy = it.app.startChild(child('busy', { logic: () => logic, restart: 'temporary' }))
  await it.clock.advance(0)
  for (const id of ids) await it.end(id, BOOM)
  expect(restarts(it)).toBe(0)
  release(idle)
  await busy
  await it.clock.advance(0)
}

async function over({ app, clock }: Bench): Promise<void> {
  await app.stop()
  expect(clock.pending).toBe(0)
}

test('D01 one_for_one leaves the others alone', async () => {
  const it = await started({ strategy: 'one_for_one' }, 'a', 'b')
  const b = it.ref('b')
  await it.end('a', BOOM)
  expect(moves(it)).toEqual(['exit a', 'start a'])
  expect(it.ref('b')).toBe(b)
  await over(it)
})

test('D02 one_for_all stops the others newest first, and starts all in order', async () => {
  const it = await started({ strategy: 'one_for_all' }, 'a', 'b', 'c', 'd')
  await it.end('b', BOOM)
  expect(moves(it)).toEqual(['exit b', 'exit d', 'exit c', 'exit a', 'start a', 'start b', 'start c', 'start d'])
  expect(reasons(it)).toEqual([BOOM, ...Array<unknown>(3).fill({ type: 'shutdown' })])
  await over(it)
})

test('D03 rest_for_one restarts the failed child and all children after it', async () => {
  const it = await started({ strategy: 'rest_for_one' }, 'a', 'b', 'c', 'd')
  const a = it.ref('a')
  await it.end('b', BOOM)
  expect(moves(it)).toEqual(['exit b', 'exit d', 'exit c', 'start b', 'start c', 'start d'])
  expect(it.ref('a')).toBe(a)
  await over(it)
})

test('D04 rest_for_one: the first child takes all with it, the last only itself', async () => {
  const it = await started({ strategy: 'rest_for_one' }, 'a', 'b', 'c')
  await it.end('a', BOOM)
  expect(moves(it)).toEqual(['exit a', 'exit c', 'exit b', 'start a', 'start b', 'start c'])
  await it.end('c', BOOM)
  expect(moves(it)).toEqual(['exit c', 'start c'])
  await over(it)
})

test('D05 a group restart counts one, however many are restarted', async () => {
  const it = await started({ strategy: 'one_for_all', intensity: 1 }, 'a', 'b', 'c')
  await it.end('a', BOOM)
  expect(it.app.children).toMatchObject(Array(3).fill({ state: 'running', incarnation: 2 }))
  await it.end('b', BOOM)
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
  expect(it.clock.pending).toBe(0)
})

test('D06 one_for_all: a temporary sibling is stopped and does not come back', async () => {
  const it = await started({
    strategy: 'one_for_all',
    children: [child('a'), child('t', { restart: 'temporary' })],
  })
  await it.end('a', BOOM)
  expect(moves(it)).toEqual(['exit a', 'exit t', 'start a'])
  expect(it.state('t')).toBe('absent')
  await over(it)
})

test('D07 one_for_all: the failure of a temporary child touches no sibling and is not counted', async () => {
  const it = await started({
    strategy: 'one_for_all',
    intensity: 0,
    children: [child('a'), child('t', { restart: 'temporary' })],
  })
  await it.end('t', BOOM)
  expect(moves(it)).toEqual(['exit t'])
  expect(it.app.children).toMatchObject([{ id: 'a', incarnation: 1 }])
  await over(it)
})

test('D08 one_for_all: the clean end of a transient child touches no sibling and is not counted', async () => {
  const it = await started({
    strategy: 'one_for_all',
    intensity: 0,
    children: [child('a'), child('t', { restart: 'transient' })],
  })
  await it.end('t', NORMAL)
  expect(moves(it)).toEqual(['exit t'])
  expect(it.app.children).toMatchObject([{ incarnation: 1 }, { id: 't', state: 'stopped' }])
  await over(it)
})

test('D09 one_for_all brings back a child that had been terminated', async () => {
  const it = await started({ strategy: 'one_for_all' }, 'a', 'b')
  await it.app.terminateChild('b')
  moves(it)
  await it.end('a', BOOM)
  expect(moves(it)).toEqual(['exit a', 'start a', 'start b'])
  await over(it)
})

test('D10 rest_for_one starts a transient child again that had finished', async () => {
  const it = await started({
    strategy: 'rest_for_one',
    children: [child('a'), child('b', { restart: 'transient' })],
  })
  await it.end('b', NORMAL)
  moves(it)
  await it.end('a', BOOM)
  expect(moves(it)).toEqual(['exit a', 'start a', 'start b'])
  await over(it)
})

test('D11 one_for_all starts an ignored child again; if it is ignored again it stays down', async () => {
  let starts = 0
  const logic = (): AnyActorLogic | typeof IGNORE => {
    starts += 1
    return starts < 3 ? IGNORE : obedient
  }
  const it = await started({ strategy: 'one_for_all', intensity: 2, children: [child('a'), child('b', { logic })] })
  await it.end('a', BOOM)
  expect([starts, it.state('a'), it.state('b')]).toEqual([2, 'running', 'stopped'])
  await it.end('a', BOOM)
  expect([starts, it.state('a'), it.state('b')]).toEqual([3, 'running', 'running'])
  await over(it)
})

test('D12 one_for_all: two children that exit before the supervisor handles either are one restart', async () => {
  const it = await started({ strategy: 'one_for_all', intensity: 1 }, 'a', 'b')
  await dieAtOnce(it, 'a', 'b')
  expect(restarts(it)).toBe(1)
  expect(it.app.children).toMatchObject([
    { id: 'a', state: 'running', incarnation: 2 },
    { id: 'b', state: 'running', incarnation: 2 },
  ])
  await over(it)
})

test('D13 one_for_one: two children that exit before the supervisor handles either are two restarts', async () => {
  const it = await started({ strategy: 'one_for_one', intensity: 1 }, 'a', 'b')
  await dieAtOnce(it, 'a', 'b')
  expect(restarts(it)).toBe(1)
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
})

test('D14 rest_for_one: of two children that exit before the supervisor handles either, the order decides', async () => {
  const backward = await started({ strategy: 'rest_for_one', intensity: 1 }, 'a', 'b')
  await dieAtOnce(backward, 'b', 'a')
  expect(backward.events.at(-1)).toMatchObject({ type: 'supervisor.exit' })

  const forward = await started({ strategy: 'rest_for_one', intensity: 1 }, 'a', 'b')
  await dieAtOnce(forward, 'a', 'b')
  expect(restarts(forward)).toBe(1)
  expect(forward.app.children).toMatchObject([{ incarnation: 2 }, { incarnation: 2 }])
  await over(forward)
})

test.each([
  ['one_for_one', ['exit a', 'start a'], ['exit c', 'start c']],
  [
    'one_for_all',
    ['exit a', 'exit c', 'exit b', 'start a', 'start b', 'start c'],
    ['exit c', 'exit b', 'exit a', 'start a', 'start b', 'start c'],
  ],
  ['rest_for_one', ['exit a', 'exit c', 'exit b', 'start a', 'start b', 'start c'], ['exit c', 'start c']],
] as const)('D15 %s: a child added later is the last in the order', async (strategy, first, last) => {
  const it = await started({ strategy }, 'a', 'b')
  await it.app.startChild(child('c'))
  moves(it)
  await it.end('a', BOOM)
  expect(moves(it)).toEqual(first)
  await it.end('c', BOOM)
  expect(moves(it)).toEqual(last)
  await over(it)
})
