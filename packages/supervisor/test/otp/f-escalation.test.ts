import { expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import {
  administrate,
  supervisor,
  type ChildSpec,
  type SupervisorOptions,
  type SupervisorSnapshot,
} from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { bench, child, type Bench } from '../support.ts'
import { BOOM, SHUTDOWN } from './actors.ts'

/** A supervisor `sub` as a child. */
const sub = (intensity: number, children: ChildSpec[], more: Partial<ChildSpec> = {}): ChildSpec => ({
  id: 'sub',
  logic: supervisor({ id: 'sub', mode: 'otp', intensity, children }),
  ...more,
})

async function started(options: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench({ mode: 'otp', ...options })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

const inside = (it: Bench): SupervisorSnapshot => it.ref('sub').getSnapshot() as SupervisorSnapshot

/** The child of `sub` with this id. */
function grandchild(it: Bench, id: string): AnyActorRef {
  const ref = inside(it).child(id)?.ref
  if (ref === undefined) throw new Error(`${id} is not running`)
  return ref
}

async function crash(it: Bench, id: string): Promise<void> {
  grandchild(it, id).send({ type: 'end', reason: BOOM })
  await it.clock.advance(0)
}

async function over({ app, clock }: Bench): Promise<void> {
  await app.stop()
  expect(clock.pending).toBe(0)
}

test('F01 a supervisor that gives up stops the other children newest first and ends with shutdown', async () => {
  const it = await started({ intensity: 0, children: [child('a'), child('b'), child('c')] })
  await it.end('b', BOOM)
  expect(it.take()).toEqual(['child.exit b', 'child.exit c', 'child.exit a', 'supervisor.exit'])
  expect(it.events.flatMap((event) => ('reason' in event ? [event.reason] : []))).toEqual([
    BOOM,
    SHUTDOWN,
    SHUTDOWN,
    SHUTDOWN,
  ])
  expect(it.clock.pending).toBe(0)
})

test('F02 a permanent supervisor that gave up is restarted with all its children, and that counts one', async () => {
  const it = await started({ intensity: 1, children: [sub(0, [child('x'), child('y')])] })
  await crash(it, 'x')
  expect(it.take()).toEqual(['child.exit sub', 'child.restart sub', 'child.start sub', 'child.ready sub'])
  expect(it.events.find(({ type }) => type === 'child.exit')).toMatchObject({ reason: SHUTDOWN })
  expect(inside(it).supervised).toMatchObject([
    { id: 'x', state: 'running', incarnation: 1 },
    { id: 'y', state: 'running', incarnation: 1 },
  ])
  await crash(it, 'y')
  expect(it.take('supervisor.exit')).toEqual(['supervisor.exit'])
})

test('F03 a transient supervisor that gave up counts as ended cleanly in its parent, and is not restarted', async () => {
  const it = await started({ intensity: 0, children: [sub(0, [child('x')], { restart: 'transient' }), child('z')] })
  await crash(it, 'x')
  expect(it.take()).toEqual(['child.exit sub'])
  expect([it.state('sub'), it.state('z')]).toEqual(['stopped', 'running'])
  await over(it)
})

test('F04 budgets multiply with depth: 1 and 1 are exceeded by the fourth crash', async () => {
  const it = await started({ intensity: 1, children: [sub(1, [child('x')])] })
  const alive: boolean[] = []
  for (let crashes = 1; crashes <= 4; crashes += 1) {
    await it.clock.advance(10)
    await crash(it, 'x')
    alive.push(it.app.ref.getSnapshot().status === 'active')
  }
  expect(alive).toEqual([true, true, true, false])
  expect(it.clock.pending).toBe(0)
})

test('F05 only the children of the specification come back with a restarted supervisor', async () => {
  const it = await started({ children: [sub(0, [child('x')])] })
  await administrate(it.ref('sub')).startChild(child('extra'))
  expect(inside(it).supervised.map(({ id }) => id)).toEqual(['x', 'extra'])
  await crash(it, 'extra')
  expect(inside(it).supervised.map(({ id }) => id)).toEqual(['x'])
  await over(it)
})

test('F06 giving up escalates: the inner children stop first, then the outer ones newest first', async () => {
  const it = await started({ intensity: 0, children: [child('p'), sub(0, [child('x'), child('y')]), child('q')] })
  const order: string[] = []
  it.ref('sub').on('child.exit', ({ id }: { id: string }) => order.push(id))
  it.app.on('child.exit', ({ id }) => order.push(id))
  await crash(it, 'x')
  expect(order).toEqual(['x', 'y', 'sub', 'q', 'p'])
  expect(it.clock.pending).toBe(0)
})

test('F07 the child whose exit exceeded the intensity is not stopped again', async () => {
  const it = await started({ intensity: 0, children: [child('a'), child('b')] })
  const asked: string[] = []
  const last = it.ref('b')
  last.subscribe({ complete: () => asked.push('ended') })
  exit(last, { type: 'killed' })
  await it.clock.advance(0)
  expect(it.take()).toEqual(['child.exit b', 'child.exit a', 'supervisor.exit'])
  expect(it.events.filter((event) => event.type === 'child.exit' && event.id === 'b')).toMatchObject([
    { reason: { type: 'killed' }, ref: last },
  ])
  expect(asked).toEqual(['ended'])
})
