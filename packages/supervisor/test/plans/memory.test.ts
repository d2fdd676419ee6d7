// The memory of a strategy: kept as JSON, in snapshots and in the history of nested supervisors.
import { expect, test } from '@jest/globals'
import { createActor, createMachine } from 'xstate'
import { supervisor, type SupervisorSnapshot } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import type { RestartPlan, RestartStrategy } from '@terrarium/supervisor/strategies'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { child, NO_JITTER, obedient, started } from '../support.ts'

/** Counts the failures in its memory, and stops the child at the third. */
const thrice = (seen: unknown[] = []): RestartStrategy => ({
  name: 'thrice',
  plan: ({ id }, _, { memory }): RestartPlan => {
    seen.push(memory)
    const failures = ((memory as { failures: number } | undefined)?.failures ?? 0) + 1
    const action = failures === 3 ? 'stop' : 'restart'
    return { actions: [{ action, child: id }], memory: { failures } }
  },
})

const boom = { type: 'throw', error: new Error('boom') }

test('what plan() answers is given back to it; without an answer it stays', async () => {
  const seen: unknown[] = []
  const answers = [{ list: [1] }, undefined, null, undefined, 'text']
  const it = await started({
    backoff: 'off',
    strategy: {
      name: 'fickle',
      plan: ({ id }, _, { memory }) => {
        seen.push(memory)
        const answer = answers[seen.length - 1]
        return answer === undefined ? { restart: [id] } : { restart: [id], memory: answer }
      },
    },
    children: [child('a')],
  })
  for (let failure = 0; failure < 6; failure += 1) {
    await it.crash('a')
    await it.clock.advance(10)
  }
  expect(seen).toEqual([undefined, { list: [1] }, { list: [1] }, null, null, 'text'])
  await it.app.stop()
})

test('a strategy cannot change the memory behind the supervisor’s back', async () => {
  const kept: { n: number }[] = []
  const it = await started({
    backoff: 'off',
    strategy: {
      name: 'sly',
      plan: ({ id }, _, { memory }) => {
        const own = (memory as { n: number } | undefined) ?? { n: 0 }
        expect(own.n).toBe(0)
        kept.push(own)
        for (const each of kept) each.n = 0
        const answer = { n: 0 }
        kept.push(answer)
        queueMicrotask(() => (answer.n = 99))
        own.n = 7
        return { restart: [id], memory: answer }
      },
    },
    children: [child('a')],
  })
  for (let failure = 0; failure < 3; failure += 1) {
    await it.crash('a')
    await it.clock.advance(10)
  }
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('a snapshot keeps it through JSON, for the strategy of this name only', async () => {
  const before = await started({ backoff: 'off', strategy: thrice(), children: [child('a')] })
  await before.crash('a')
  await before.clock.advance(10)
  await before.crash('a')
  const snapshot = JSON.parse(JSON.stringify(before.app.ref.getPersistedSnapshot())) as never
  expect(snapshot).toMatchObject({ memory: { strategy: { name: 'thrice', memory: { failures: 2 } } } })
  await before.app.stop()

  const seen: unknown[] = []
  const after = await started({ backoff: 'off', strategy: thrice(seen), children: [child('a')], snapshot })
  await after.crash('a')
  expect([after.state('a'), seen]).toEqual(['stopped', [{ failures: 2 }]])
  await after.app.stop()

  const other = await started({
    backoff: 'off',
    strategy: { ...thrice(seen), name: 'other' },
    children: [child('a')],
    snapshot,
  })
  await other.crash('a')
  expect([other.state('a'), seen.at(-1)]).toEqual(['running', undefined])
  await other.app.stop()
})

test('a child that a strategy has parked is parked after a restore, for the rest of its time', async () => {
  const strategy: RestartStrategy = {
    name: 'both',
    plan: ({ id }) => ({
      actions: [
        { action: 'park', child: id },
        { action: 'park', child: 'b', for: 500 },
      ],
    }),
  }
  const options = { strategy, children: [child('a'), child('b')] }
  const before = await started(options)
  await before.crash('a')
  await before.clock.advance(200)
  const snapshot = JSON.parse(JSON.stringify(before.app.ref.getPersistedSnapshot())) as never
  await before.app.stop()
  const after = await started({ ...options, snapshot })
  expect(after.app.children).toMatchObject([{ state: 'parked' }, { state: 'parked' }])
  await after.clock.advance(290)
  expect([after.state('a'), after.state('b')]).toEqual(['parked', 'running'])
  await after.app.unpark('a')
  expect(after.state('a')).toBe('running')
  await after.app.stop()
})

test('a nested supervisor hands it to its next incarnation', async () => {
  const seen: unknown[] = []
  const sub = supervisor({ id: 'sub', backoff: 'off', strategy: thrice(seen), children: [child('x')] })
  const it = await started({ children: [child('sub', { logic: sub })] })
  const inside = () => (it.ref('sub').getSnapshot() as SupervisorSnapshot).child('x')
  for (let failure = 0; failure < 2; failure += 1) {
    inside()?.ref?.send(boom)
    await it.clock.advance(10)
  }
  exit(it.ref('sub'), { type: 'killed' })
  await it.clock.advance(1_000)
  inside()?.ref?.send(boom)
  await it.clock.advance(10)
  expect([seen, inside()?.state]).toEqual([[undefined, { failures: 1 }, { failures: 2 }], 'stopped'])
  await it.app.stop()
})

test('a supervisor that a machine has invoked plans as any other, also after a restore of the machine', async () => {
  const seen: unknown[] = []
  const logic = supervisor({
    id: 'sub',
    backoff: NO_JITTER,
    strategy: thrice(seen),
    children: [child('x', { logic: obedient })],
  })
  const machine = createMachine({ invoke: { id: 'sub', src: logic } })
  const clock = new VirtualClock()
  const first = createActor(machine, { clock }).start()
  const crash = async (actor: typeof first): Promise<SupervisorSnapshot> => {
    const read = () => actor.getSnapshot().children.sub?.getSnapshot() as SupervisorSnapshot
    read().child('x')?.ref?.send(boom)
    await clock.advance(11_000)
    return read()
  }
  await clock.advance(10)
  await crash(first)
  await crash(first)
  const persisted = JSON.parse(JSON.stringify(first.getPersistedSnapshot())) as never
  first.stop()
  const second = createActor(machine, { clock, snapshot: persisted }).start()
  await clock.advance(10)
  expect((await crash(second)).child('x')?.state).toBe('stopped')
  expect(seen).toEqual([undefined, { failures: 1 }, { failures: 2 }])
  second.stop()
  expect(clock.pending).toBe(0)
})

test('in mode otp a strategy is asked once for a failure, also if the restart is postponed', async () => {
  const seen: unknown[] = []
  const it = await started({
    mode: 'otp',
    intensity: 1_000,
    strategy: {
      name: 'counting',
      plan: ({ id }, _, { memory = 0 }) => {
        seen.push(memory)
        return { restart: [id], memory: (memory as number) + 1 }
      },
    },
    children: [child('a')],
  })
  for (let failure = 0; failure < 150; failure += 1) await it.crash('a')
  expect(seen).toEqual(Array.from({ length: 150 }, (_, index) => index))
  await it.app.stop()
})
