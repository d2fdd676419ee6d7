// Children with `resume` in a supervisor that continues from a persisted snapshot, in a replay and in a what-if.
import { expect, test } from '@jest/globals'
import type { ChildSpec } from '@terrarium/supervisor'
import { assign, createMachine, type AnyActorRef, type Snapshot } from 'xstate'
import { fail, resuming, STABLE, startOf, stepOf, tell, ticker } from './resuming.ts'
import { keepJournal, replay, type JournalJson } from '@terrarium/supervisor/replay'
import { bench, idle, started, type Bench } from './support.ts'

/** A supervisor that continues from what another has persisted, as JSON. */
async function next(it: Bench, children: readonly ChildSpec[]): Promise<Bench> {
  const saved = JSON.stringify(it.app.ref.getPersistedSnapshot())
  await it.app.stop()
  const later = bench({ children, snapshot: JSON.parse(saved) as Snapshot<unknown> })
  await later.app.start()
  return later
}

test('a child continues where it would if it failed now', async () => {
  const it = await started({ children: [resuming(), resuming({ id: 'b', resume: (snapshot) => snapshot })] })
  it.ref('b').send({ type: 'next' })
  await tell(it, 'next', 'wait')
  await it.clock.advance(900)
  const early = await next(it, [resuming(), resuming({ id: 'b', resume: (snapshot) => snapshot })])
  expect([stepOf(early), startOf(early)?.resumed, startOf(early, 'b')?.resumed]).toEqual([0, undefined, true])
  await tell(early, 'next', 'wait')
  await early.clock.advance(900)
  await tell(early, 'next')
  await early.clock.advance(STABLE + 100)
  const late = await next(early, [resuming()])
  expect([stepOf(late), startOf(late)?.resumed]).toEqual([2, true])
  await tell(late, 'tick') // the actor in the context is alive
  expect(stepOf(late)).toBe(3)
})

test('a snapshot that the child cannot be restored from does not keep its supervisor from starting', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next')
  await it.clock.advance(STABLE)
  const other = createMachine({ initial: 'elsewhere', context: { step: 0 }, states: { elsewhere: {} } })
  const later = await next(it, [resuming({ logic: other }), { id: 'b', logic: idle }])
  expect(later.take()).toEqual([
    'child.start a',
    'child.exit a',
    'child.resume_dropped a',
    'child.start a',
    'child.ready a',
    'child.start b',
    'child.ready b',
  ])
  expect([stepOf(later), later.app.children[0]?.incarnation]).toEqual([0, 2])
})

test('a child with a spawned actor that has no named logic is resumed, but not persisted', async () => {
  const logic = createMachine({
    types: {} as { context: { step: number; ticker: AnyActorRef } },
    context: ({ spawn }) => ({ step: 0, ticker: spawn(ticker, { id: 'ticker' }) }),
    on: {
      next: { actions: assign({ step: ({ context }) => context.step + 1 }) },
      tick: {
        actions: ({ context }) => {
          context.ticker.send({ type: 'tick' })
        },
      },
      fail: {
        actions: () => {
          throw new Error('boom')
        },
      },
    },
  })
  const it = await started({ children: [resuming({ logic })] })
  await tell(it, 'next')
  await it.clock.advance(STABLE)
  expect(it.app.ref.getPersistedSnapshot()).not.toHaveProperty('memory.resume')
  await fail(it)
  await tell(it, 'tick')
  expect([stepOf(it), startOf(it)?.resumed]).toEqual([2, true])
})

test.each<[string, NonNullable<ChildSpec['resume']>]>([
  ['a word', 'last-stable'],
  ['a function', (snapshot) => snapshot],
])('a replay of the journal comes to the same, and a what-if changes nothing: %s', async (_, resume) => {
  const it = await started({ journal: keepJournal(), children: [resuming({ resume })] })
  await tell(it, 'next', 'spoil')
  await it.clock.advance(STABLE)
  const error = new Error('boom')
  await fail(it, error)
  const saved = JSON.stringify(it.app.ref.getPersistedSnapshot())
  expect((await it.app.whatIf('a', error)).steps.map(({ what }) => what)).toContain('child.resume_dropped')
  expect(JSON.stringify(it.app.ref.getPersistedSnapshot())).toBe(saved)
  await fail(it, error)
  const { differences, timeline } = replay(JSON.parse(JSON.stringify(it.app.journal())) as JournalJson)
  expect(differences).toEqual([])
  expect(timeline.map(({ what }) => what)).toContain('child.resume_dropped')
  expect(it.take('child.resume_dropped')).toHaveLength(1)
})
