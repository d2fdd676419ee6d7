import { expect, test } from '@jest/globals'
import { bench, child, NOON, slow, type Bench } from './support.ts'
import { started, flaky } from './started.ts'

const moves = (it: Bench): string[] => it.take('child.exit', 'child.start').map((move) => move.replace('child.', ''))

test('one_for_one leaves the others alone', async () => {
  const it = await started({}, 'a', 'b')
  const b = it.ref('b')
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'start a'])
  expect(it.ref('b')).toBe(b)
  await it.app.stop()
})

test('one_for_all stops the others newest first, then starts all in order', async () => {
  const it = await started({ strategy: 'one_for_all' }, 'a', 'b', 'c', 'd')
  await it.crash('b')
  expect(moves(it)).toEqual(['exit b', 'exit d', 'exit c', 'exit a', 'start a', 'start b', 'start c', 'start d'])
  await it.app.stop()
})

test('rest_for_one restarts the failed child and those after it', async () => {
  const it = await started({ strategy: 'rest_for_one' }, 'a', 'b', 'c', 'd')
  const a = it.ref('a')
  await it.crash('b')
  expect(moves(it)).toEqual(['exit b', 'exit d', 'exit c', 'start b', 'start c', 'start d'])
  expect(it.ref('a')).toBe(a)
  await it.app.stop()
})

test('rest_for_one: the first child takes all with it, the last only itself', async () => {
  const it = await started({ strategy: 'rest_for_one', backoff: 'off' }, 'a', 'b')
  await it.crash('b')
  expect(moves(it)).toEqual(['exit b', 'start b'])
  await it.clock.advance(10)
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit b', 'start a', 'start b'])
  await it.app.stop()
})

test('a temporary sibling is stopped by the group and does not come back', async () => {
  const it = await started({
    strategy: 'one_for_all',
    children: [child('a'), child('t', { restart: 'temporary' })],
  })
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit t', 'start a'])
  expect(it.state('t')).toBe('absent')
  await it.app.stop()
})

test.each([
  ['temporary', { type: 'error', error: new Error('boom') }],
  ['transient', { type: 'normal' }],
] as const)('one_for_all: the end of a %s child that is not restarted touches no sibling', async (restart, reason) => {
  const it = await started({ strategy: 'one_for_all', intensity: 0, children: [child('a'), child('t', { restart })] })
  await it.end('t', reason)
  expect(moves(it)).toEqual(['exit t'])
  await it.app.stop()
})

test('one_for_all brings back a child that was stopped by hand', async () => {
  const it = await started({ strategy: 'one_for_all' }, 'a', 'b')
  await it.app.terminateChild('b')
  moves(it)
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'start a', 'start b'])
  await it.app.stop()
})

test('rest_for_one starts a transient child again that had finished', async () => {
  const it = await started({
    strategy: 'rest_for_one',
    children: [child('a'), child('b', { restart: 'transient' })],
  })
  await it.end('b', { type: 'normal' })
  await it.crash('a')
  expect(moves(it)).toEqual(['exit b', 'exit a', 'start a', 'start b'])
  await it.app.stop()
})

test('a child added later is the last in the order', async () => {
  const it = await started({ strategy: 'rest_for_one' }, 'a', 'b')
  await it.app.startChild(child('c'))
  await it.crash('a')
  expect(moves(it)).toEqual(['start c', 'exit a', 'exit c', 'exit b', 'start a', 'start b', 'start c'])
  await it.app.stop()
})

test('default mode: terminating the child that a group waits for leaves the later ones stopped', async () => {
  const it = await started({ strategy: 'rest_for_one', backoff: { first: 100, jitter: 'none' } }, 'a', 'b', 'c')
  await it.crash('b')
  expect(it.app.children.map(({ state }) => state)).toEqual(['running', 'backing_off', 'stopped'])
  await it.app.terminateChild('b')
  await it.clock.advance(60_000)
  expect(it.app.children.map(({ state }) => state)).toEqual(['running', 'stopped', 'stopped'])
  await it.app.stop()
})

test('X08 one_for_all: the group is down during the delay, and one timer brings it back', async () => {
  const it = await started({ strategy: 'one_for_all' }, 'a', 'b', 'c')
  await it.crash('b')
  await it.crash('b')
  await it.clock.advance(200)
  moves(it)
  await it.crash('b')
  expect(moves(it)).toEqual(['exit b', 'exit c', 'exit a'])
  expect(it.clock.pending).toBe(1)
  await it.clock.advance(399)
  expect(moves(it)).toEqual([])
  await it.clock.advance(1)
  expect(moves(it)).toEqual(['start a', 'start b', 'start c'])
  await it.app.stop()
})

test('X09 rest_for_one: an earlier child that dies during the delay widens the group, which starts once', async () => {
  const delay = (first: number): object => ({ backoff: { first, jitter: 'none' } })
  const it = await started({
    strategy: 'rest_for_one',
    children: [child('a', delay(200)), child('b', delay(800)), child('c')],
  })
  await it.crash('b')
  await it.clock.advance(300)
  await it.crash('a')
  moves(it)
  expect(it.clock.pending).toBe(1)
  await it.clock.advance(499)
  expect(moves(it)).toEqual([])
  await it.clock.advance(1)
  expect(moves(it)).toEqual(['start a', 'start b', 'start c'])
  await it.clock.advance(60_000)
  expect(moves(it)).toEqual([])
  await it.app.stop()
})

test('X10 one_for_all: the retry waits for the delay of the sibling that failed', async () => {
  const it = await started({ strategy: 'one_for_all', children: [child('a'), flaky('s2', 2), child('c')] })
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit c', 'exit s2', 'start a', 'exit a', 'start a', 'exit a'])
  expect(it.app.children[1]).toMatchObject({ state: 'backing_off', failure: { attempts: 2 }, until: NOON + 210 })
  await it.clock.advance(200)
  expect(moves(it)).toEqual(['start a', 'start s2', 'start c'])
  await it.app.stop()
})

test('a group restart waits until each child is ready', async () => {
  const it = bench({ strategy: 'one_for_all', children: [slow('a'), slow('b')] })
  const start = it.app.start()
  await it.send('a', { type: 'ready' })
  await it.send('b', { type: 'ready' })
  await start
  await it.clock.advance(10)
  moves(it)
  await it.crash('b')
  expect(moves(it)).toEqual(['exit b', 'exit a', 'start a'])
  await it.send('a', { type: 'ready' })
  expect(moves(it)).toEqual(['start b'])
  await it.app.stop()
})

test('in the default mode the restart of one child holds up no sibling', async () => {
  const it = bench({ children: [slow('a'), child('b')] })
  const start = it.app.start()
  await it.send('a', { type: 'ready' })
  await start
  await it.clock.advance(10)
  await it.crash('a')
  await it.crash('b')
  expect(it.state('a')).toBe('starting')
  expect(it.state('b')).toBe('running')
  await it.app.terminateChild('a')
  await it.app.stop()
})

test('a child that came back with a group and then ended by itself stays down at the next group restart', async () => {
  const children = [child('a'), child('b', { restart: 'transient' })]
  const it = await started({ strategy: 'one_for_all', reviveStopped: false, children })
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit b', 'start a', 'start b'])
  await it.end('b', { type: 'normal', output: undefined })
  await it.clock.advance(20_000)
  await it.crash('a')
  expect(moves(it)).toEqual(['exit b', 'exit a', 'start a'])
  expect(it.state('b')).toBe('stopped')
  await it.app.stop()
})
