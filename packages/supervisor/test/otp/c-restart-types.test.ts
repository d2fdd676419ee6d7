import { expect, test } from '@jest/globals'
import type { ExitReason, RestartType } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { bench, child, refusal, type Bench } from '../support.ts'
import { BOOM, KILLED, NORMAL, SHUTDOWN } from './actors.ts'

const DETAILED: ExitReason = { type: 'shutdown', detail: 'x' }

/** A supervisor that forgives `intensity` restarts, and its child `a`. */
async function started(restart: RestartType, intensity: number): Promise<Bench> {
  const it = bench({ mode: 'otp', intensity, children: [child('a', { restart })] })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

async function end(it: Bench, reason: ExitReason): Promise<void> {
  if (reason.type === 'killed') exit(it.ref('a'), reason)
  else it.ref('a').send({ type: 'end', reason })
  await it.clock.advance(0)
}

async function over({ app, clock }: Bench): Promise<void> {
  await app.stop()
  expect(clock.pending).toBe(0)
}

/** The child comes back after every end, and each counts: after one too many the supervisor gives up. */
async function isRestarted(restart: RestartType, ...reasons: ExitReason[]): Promise<void> {
  const it = await started(restart, reasons.length)
  for (const [index, reason] of reasons.entries()) {
    await end(it, reason)
    expect(it.take()).toEqual(['child.exit a', 'child.restart a', 'child.start a', 'child.ready a'])
    expect(it.events.findLast(({ type }) => type === 'child.exit')).toMatchObject({ reason, incarnation: index + 1 })
    expect(it.app.children).toMatchObject([{ state: 'running', incarnation: index + 2 }])
  }
  await end(it, reasons[0] ?? NORMAL)
  expect(it.take()).toEqual(['child.exit a', 'supervisor.exit'])
  expect(it.clock.pending).toBe(0)
}

/** The child stays down, with its specification, and nothing counts. */
async function staysDown(restart: RestartType, ...reasons: ExitReason[]): Promise<void> {
  const it = await started(restart, 0)
  for (const reason of reasons) {
    await end(it, reason)
    expect(it.take()).toEqual(['child.exit a'])
    expect(it.state('a')).toBe('stopped')
    expect(await it.app.countChildren()).toMatchObject({ specs: 1, active: 0 })
    await it.app.restartChild('a')
    it.take()
  }
  await over(it)
}

test('C01 a permanent child that ends normally is restarted, and that counts', async () => {
  await isRestarted('permanent', NORMAL)
})

test('C02 a permanent child that ends with shutdown is restarted each time, and that counts', async () => {
  await isRestarted('permanent', SHUTDOWN, DETAILED)
})

test('C03 a permanent child that fails is restarted, and that counts', async () => {
  await isRestarted('permanent', BOOM)
})

test('C04 a permanent child that is killed is restarted, and that counts', async () => {
  await isRestarted('permanent', KILLED)
})

test('C05 a transient child that ends normally stays down, and nothing counts', async () => {
  await staysDown('transient', NORMAL)
})

test('C06 a transient child that ends with shutdown stays down, and can be started again', async () => {
  await staysDown('transient', SHUTDOWN, DETAILED)
})

test('C07 a transient child that fails is restarted, and that counts', async () => {
  await isRestarted('transient', BOOM)
})

test('C08 a transient child that is killed is restarted, and that counts', async () => {
  await isRestarted('transient', KILLED)
})

test('C09 a temporary child is forgotten whatever it ends with', async () => {
  for (const reason of [NORMAL, SHUTDOWN, DETAILED, BOOM, KILLED]) {
    const it = await started('temporary', 1)
    await end(it, reason)
    expect(it.take()).toEqual(['child.exit a'])
    expect(await it.app.countChildren()).toEqual({ specs: 0, active: 0, supervisors: 0, workers: 0 })
    await over(it)
  }
})

test('C10 the failures of temporary children never count', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  const it = bench({ mode: 'otp', intensity: 0, children: ids.map((id) => child(id, { restart: 'temporary' })) })
  await it.app.start()
  for (const id of ids) await it.end(id, BOOM)
  expect(it.app.children).toEqual([])
  expect(it.app.ref.getSnapshot()).toMatchObject({ phase: 'running' })
  await over(it)
})

test('C11 what a temporary child was started with is not kept', async () => {
  const it = bench({ mode: 'otp' })
  await it.app.start()
  const input = { secret: 'a' }
  await it.app.startChild(child('temporary', { restart: 'temporary', input: input as never }))
  await it.app.startChild(child('permanent', { input: input as never }))
  expect(await it.app.getChildSpec('temporary')).toMatchObject({ id: 'temporary', input: undefined })
  expect(await it.app.getChildSpec('permanent')).toMatchObject({ id: 'permanent', input })
  await over(it)
})

test('C12 of terminated children only a temporary child can be added again', async () => {
  const types = ['permanent', 'transient', 'temporary'] as const
  const it = bench({ mode: 'otp', children: types.map((restart) => child(restart, { restart })) })
  await it.app.start()
  for (const id of types) await it.app.terminateChild(id)
  expect(await refusal(it.app.startChild(child('permanent')))).toBe('already_present')
  expect(await refusal(it.app.startChild(child('transient', { restart: 'transient' })))).toBe('already_present')
  const ref = await it.app.startChild(child('temporary', { restart: 'temporary' }))
  expect(it.ref('temporary')).toBe(ref)
  await over(it)
})

test('C13 every incarnation has a ref of its own, and what is sent to an old one is dropped', async () => {
  const it = await started('permanent', 10)
  const refs = [it.ref('a')]
  for (const reason of [BOOM, NORMAL, KILLED]) {
    await end(it, reason)
    refs.push(it.ref('a'))
  }
  expect(new Set(refs).size).toBe(4)
  expect(refs.map((ref) => (ref.getSnapshot() as { status: string }).status)).toEqual([
    'done',
    'done',
    'stopped',
    'active',
  ])
  const before = it.events.length
  for (const ref of refs.slice(0, 3)) ref.send({ type: 'end', reason: BOOM })
  await it.clock.advance(0)
  expect(it.events).toHaveLength(before)
  await over(it)
})
