import { expect, test } from '@jest/globals'
import { createActor, createMachine, fromCallback, type AnyActorRef } from 'xstate'
import { administrate, supervisor, type SupervisorLogic, type SupervisorOptions } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { child, NO_JITTER, obedient, stubborn } from './support.ts'

/** What `useActorRef` of @xstate/react does with its actor when React runs its effects again. */
function stopRootWithRehydration(root: AnyActorRef): void {
  const refs: AnyActorRef[] = []
  const each = (ref: AnyActorRef): void => {
    refs.push(ref)
    const { children } = ref.getSnapshot() as { children?: Record<string, AnyActorRef> }
    Object.values(children ?? {}).forEach(each)
  }
  each(root)
  const snapshots = refs.map((ref) => ref.getSnapshot() as unknown)
  for (const ref of refs) Object.assign(ref, { observers: new Set() })
  const system = root.system.getSnapshot()
  root.stop()
  Object.assign(root.system, { _snapshot: system })
  refs.forEach((ref, index) => Object.assign(ref, { _processingStatus: 0, _snapshot: snapshots[index] }))
}

function started(options: Partial<SupervisorOptions> = {}) {
  const clock = new VirtualClock()
  const actor = createActor(supervisor({ id: 'app', backoff: NO_JITTER, ...options }), { clock })
  actor.start()
  return {
    actor,
    clock,
    again: () => {
      stopRootWithRehydration(actor as never)
      actor.start()
    },
  }
}

const statesOf = (ref: AnyActorRef): string[] =>
  (ref.getSnapshot() as ReturnType<SupervisorLogic['getInitialSnapshot']>).supervised.map(
    ({ id, state }) => `${id} ${state}`,
  )

test('React, D13: a supervisor that is stopped and started with the snapshot it had starts its children afresh, each time', async () => {
  let alive = 0
  const logic = fromCallback(() => {
    alive += 1
    return () => (alive -= 1)
  })
  const { actor, clock, again } = started({
    children: [
      child('a', { logic, systemId: 'a' }),
      { id: 'sub', logic: supervisor({ id: 'sub', children: [child('x', { logic })] }) },
    ],
  })
  const first = actor.getSnapshot().child('a')?.ref
  for (let time = 1; time <= 3; time += 1) {
    expect(statesOf(actor)).toEqual(['a running', 'sub running'])
    expect(actor.getSnapshot()).toMatchObject({ status: 'active', phase: 'running' })
    expect(actor.getSnapshot().child('a')).toMatchObject({ incarnation: 1 })
    expect(alive).toBe(2)
    again()
  }
  expect(actor.getSnapshot().child('a')?.ref).not.toBe(first)
  const app = administrate(actor)
  expect(await app.countChildren()).toMatchObject({ specs: 2, active: 2 })
  await app.startChild(child('b'))
  await app.stop()
  expect([alive, clock.pending, actor.getSnapshot().status]).toEqual([0, 0, 'done'])
})

test('React, D13: parked children and counts of failures survive the stop', async () => {
  const failing = createMachine({
    entry: () => {
      throw Object.assign(new Error('not configured'), { code: 'CONFIGURATION' })
    },
  })
  const children = [child('p', { logic: failing, awaitReady: false }), child('f')]
  const { actor, clock, again } = started({ children })
  await clock.advance(10)
  for (let failure = 0; failure < 2; failure += 1) {
    actor
      .getSnapshot()
      .child('f')
      ?.ref?.send({ type: 'throw', error: new Error('boom') })
    await clock.advance(1_000)
  }
  again()
  expect(statesOf(actor)).toEqual(['p parked', 'f running'])
  expect(actor.getSnapshot().child('f')?.failure).toMatchObject({ attempts: 2 })
  await clock.advance(0)
  await administrate(actor).stop()
})

test('React, D13: timers and children of the stopped life have no effect on the next one', async () => {
  const { actor, clock, again } = started({
    children: [
      child('waiting', { backoff: { first: 1_000, jitter: 'none' } }),
      { id: 'sub', logic: supervisor({ id: 'sub', children: [child('w', { logic: stubborn, shutdown: 500 })] }) },
    ],
  })
  await clock.advance(10)
  actor
    .getSnapshot()
    .child('waiting')
    ?.ref?.send({ type: 'throw', error: new Error('boom') })
  const stale = actor.getSnapshot().child('sub')?.ref
  again()
  const refs = actor.getSnapshot().supervised.map(({ ref }) => ref)
  await clock.advance(10_000)
  expect(stale?.getSnapshot()).toMatchObject({ status: 'done' })
  expect(actor.getSnapshot().supervised.map(({ ref }) => ref)).toEqual(refs)
  expect(actor.getSnapshot().zombieEffects).toBe(0)
  const stopped = administrate(actor).stop()
  await clock.advance(500)
  await stopped
  expect(clock.pending).toBe(0)
})

test('React, D13: a supervisor that a machine has invoked starts again with it', () => {
  const app = supervisor({ id: 'app', children: [child('a', { logic: obedient })] })
  const actor = createActor(createMachine({ invoke: { id: 'app', src: app } }))
  actor.start()
  stopRootWithRehydration(actor as never)
  actor.start()
  expect(statesOf(actor.getSnapshot().children.app as AnyActorRef)).toEqual(['a running'])
  actor.stop()
})

test('React, D13: a supervisor that has ended does not come back', () => {
  const { actor, clock } = started({ children: [child('a')] })
  actor.stop()
  actor.start()
  expect(statesOf(actor)).toEqual(['a stopped'])
  expect(clock.pending).toBe(0)
})
