import { expect, test } from '@jest/globals'
import type { ExitReason, RestartType } from '@terrarium/supervisor'
import { bench, child, refusal, type Bench } from './support.ts'

const normal: ExitReason = { type: 'normal' }
const shutdown: ExitReason = { type: 'shutdown' }
const detailed: ExitReason = { type: 'shutdown', detail: 'x' }
const killed: ExitReason = { type: 'killed' }
const failed: ExitReason = { type: 'error', error: new Error('x') }

async function endsWith(restart: RestartType, reason: ExitReason): Promise<Bench> {
  const it = bench({ children: [child('a', { restart })] })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  await it.end('a', reason)
  return it
}

const restarted: [RestartType, ExitReason][] = [
  ['permanent', normal],
  ['permanent', shutdown],
  ['permanent', detailed],
  ['permanent', failed],
  ['permanent', killed],
  ['transient', failed],
  ['transient', killed],
]
const stopped: [RestartType, ExitReason][] = [
  ['transient', normal],
  ['transient', shutdown],
  ['transient', detailed],
]

test.each(restarted)('%s is restarted after %p', async (restart, reason) => {
  const { app, take, events, state } = await endsWith(restart, reason)
  expect(take()).toEqual(['child.exit a', 'child.restart a', 'child.start a', 'child.ready a'])
  expect(events.find(({ type }) => type === 'child.exit')).toMatchObject({ reason, incarnation: 1 })
  expect(state('a')).toBe('running')
  await app.stop()
})

test.each(stopped)('%s stays down after %p and keeps its specification', async (restart, reason) => {
  const { app, take, state } = await endsWith(restart, reason)
  expect(take()).toEqual(['child.exit a'])
  expect(state('a')).toBe('stopped')
  await app.restartChild('a')
  expect(state('a')).toBe('running')
  await app.stop()
})

test.each([normal, shutdown, killed, failed])('temporary is forgotten after %p', async (reason) => {
  const { app, take, state } = await endsWith('temporary', reason)
  expect(take()).toEqual(['child.exit a'])
  expect(state('a')).toBe('absent')
  expect(await app.countChildren()).toMatchObject({ specs: 0 })
  await app.stop()
})

test('temporary crashes never count', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  const { app, crash } = bench({ intensity: 0, children: ids.map((id) => child(id, { restart: 'temporary' })) })
  await app.start()
  for (const id of ids) await crash(id)
  expect(await app.countChildren()).toMatchObject({ specs: 0 })
  await app.stop()
})

test('after terminateChild a temporary child can be added again, others are present', async () => {
  const { app } = bench({
    children: (['permanent', 'transient', 'temporary'] as const).map((restart) => child(restart, { restart })),
  })
  await app.start()
  for (const id of ['permanent', 'transient', 'temporary']) await app.terminateChild(id)
  expect(await refusal(app.startChild(child('permanent')))).toBe('already_present')
  expect(await refusal(app.startChild(child('transient')))).toBe('already_present')
  await app.startChild(child('temporary'))
  await app.stop()
})

test('every incarnation has a new ref, and the old one stays dead', async () => {
  const { app, ref, crash, clock, events } = bench({ children: [child('a')] })
  await app.start()
  await clock.advance(10)
  const first = ref('a')
  await crash('a')
  expect(ref('a')).not.toBe(first)
  expect(first.getSnapshot()).toMatchObject({ status: 'error' })
  const before = events.length
  first.send({ type: 'throw', error: new Error('again') })
  expect(events).toHaveLength(before)
  expect(app.children[0]).toMatchObject({ incarnation: 2 })
  await app.stop()
})

test('an output that is no exit reason is a normal exit with this output', async () => {
  const { app, send, events } = bench({ children: [child('a', { restart: 'transient' })] })
  await app.start()
  await send('a', { type: 'finish', output: { rows: 3 } })
  expect(events.at(-1)).toMatchObject({ type: 'child.exit', reason: { type: 'normal', output: { rows: 3 } } })
  await app.stop()
})

test('a cancelled transient child has ended cleanly', async () => {
  const { app, crash, state } = bench({ children: [child('a', { restart: 'transient' })] })
  await app.start()
  await crash('a', Object.assign(new Error('stopped'), { name: 'AbortError' }))
  expect(state('a')).toBe('stopped')
  await app.stop()
})
