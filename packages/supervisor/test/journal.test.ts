// The journal: what it keeps, what it costs, and what an export holds.
import { describe, expect, test } from '@jest/globals'
import { administrate, supervisor, type SupervisorOptions } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { keepJournal, replay, type JournalJson } from '@terrarium/supervisor/replay'
import { createState } from '../src/core/state.ts'
import type { CoreEvent } from '../src/core/event.ts'
import { Journal } from '../src/replay/journal.ts'
import { stepOf } from '../src/core/rehearsal.ts'
import { resolveOptions } from '../src/spec/options.ts'
import { bench, child, started, type Bench } from './support.ts'

const boom = new Error('boom')

const journalOf = (it: Bench): JournalJson => JSON.parse(JSON.stringify(it.app.journal())) as JournalJson

/** What listeners heard, as steps. */
const heard = (it: Bench, since: number): unknown[] => it.events.slice(since).map((event) => stepOf(event, 0))

const timeless = (steps: readonly object[]): unknown[] => steps.map((step) => ({ ...step, at: 0 }))

test('without the option there is no journal, and the error says how to get one', async () => {
  const it = await started({ children: [child('a')] })
  expect(() => it.app.journal()).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: 'supervisor app keeps no journal',
      hint: 'Give it the option `journal: keepJournal()`, from @terrarium/supervisor/replay.',
    }),
  )
})

test('what is recorded is two entries in arrays for each input: the event itself, and the time', () => {
  const journal = new Journal({})
  const state = createState(resolveOptions({ id: 'app', children: [child('a')] }))
  journal.begin(state, 0)
  const events: CoreEvent[] = [
    { type: 'supervisor.boot' },
    { type: 'supervisor.child.ready', id: 'a', startNumber: 1 },
    { type: 'supervisor.go_on' },
  ]
  for (const [index, event] of events.entries()) expect(journal.record(event, index)).toBe(event)
  const [segment] = journal.segments
  expect(journal.segments).toHaveLength(1)
  expect(segment?.events.every((event, index) => event === events[index])).toBe(true)
  expect(segment?.times).toEqual([0, 1, 2])
  expect(segment?.answers).toEqual([])
})

test('a supervisor makes one journal when it is created, asks it for each input, and none without the option', async () => {
  let opened = 0
  let recorded = 0
  class Counting extends Journal {
    override record(event: CoreEvent, now: number): CoreEvent {
      recorded += 1
      return super.record(event, now)
    }
  }
  const open = (): Journal => {
    opened += 1
    return new Counting({})
  }
  const it = await started({ journal: { open }, children: [child('a')] })
  await it.crash('a', boom)
  expect(opened).toBe(1)
  expect(recorded).toBe(it.app.journal().inputs.length)
  await started({ children: [child('a')] })
  expect(opened).toBe(1)
})

test('a journal keeps the last inputs, at least so many as its size says, and about twice as many at most', async () => {
  const size = 40
  const it = await started({
    journal: keepJournal({ size }),
    startRate: Infinity,
    intensity: 1_000,
    breaker: 'off',
    backoff: { delay: () => 0, stableAfter: 0 },
    children: [child('a'), child('b')],
  })
  let most = 0
  let least = Infinity
  for (let crash = 0; crash < 100; crash += 1) {
    await it.crash('a', new Error(`crash ${crash}`))
    const { inputs, dropped } = it.app.journal()
    most = Math.max(most, inputs.length)
    if (dropped > 0) least = Math.min(least, inputs.length)
  }
  expect(most).toBeLessThanOrEqual(2 * size + 10)
  expect(least).toBeGreaterThanOrEqual(size)
  const { dropped, inputs, failures } = it.app.journal()
  expect(dropped).toBeGreaterThan(100)
  // Errors of dropped inputs are not kept either.
  expect(failures.length).toBeLessThan(inputs.length)
})

test('a supervisor with many children keeps more inputs, so that a checkpoint of all of them costs little', async () => {
  const it = await started({
    journal: keepJournal({ size: 1 }),
    startRate: Infinity,
    backoff: { delay: () => 0, stableAfter: 0 },
    intensity: 1_000,
    children: Array.from({ length: 20 }, (_, index) => child(`c${index}`)),
  })
  for (let crash = 0; crash < 100; crash += 1) await it.crash(`c${crash % 20}`, boom)
  const { dropped, inputs } = it.app.journal()
  expect(inputs.length + dropped).toBeGreaterThan(200)
  expect(dropped).toBe(0)
})

test.each([
  [{ size: 0 }, ['size must be a whole number, 1 or more, not 0']],
  [
    { size: 1.5, errors: 'all', odd: 1 },
    [
      'odd is unknown: there are size, errors',
      'size must be a whole number, 1 or more, not 1.5',
      "errors must be message or none, not 'all'",
    ],
  ],
  [null, ['options must be an object, not null']],
])('keepJournal(%j) is refused', (options, mistakes) => {
  expect(() => keepJournal(options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', details: expect.objectContaining({ mistakes }) as unknown }),
  )
})

/** A story with all that a supervisor is told. */
async function story(options: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench({ ...options, startRate: 3 })
  const stuck = (): never => {
    throw new Error('SECRET start')
  }
  await it.app.start()
  await it.clock.advance(10)
  await it.crash(
    'a',
    Object.assign(new TypeError('SECRET odd', { cause: new Error('SECRET cause') }), { code: 'SECRET_CODE' }),
  )
  await it.crash('b', 'SECRET text')
  await it.clock.advance(300)
  await it.app.startChild(child('d', { input: 'SECRET input', restart: 'transient' } as never))
  await it.app.startChild(child('e', { logic: stuck })).catch(() => undefined)
  await it.send('d', { type: 'finish', output: 'SECRET output' })
  await it.app.terminateChild('b')
  await it.app.restartChild('b')
  await it.app.deleteChild('x').catch(() => undefined)
  await it.app.reconfigure(child('c', { breaker: { unstable: 1 }, awaitReady: false }))
  await it.crash('c', new Error('SECRET park'))
  await it.crash('a', new Error('SECRET again'))
  await it.clock.advance(500)
  await it.app.whichChildren()
  await it.app.countChildren()
  await it.app.getChildSpec('a')
  await it.app.whatIf('a', new Error('SECRET question'))
  await it.app.unpark('c')
  exit(it.ref('b'), { type: 'shutdown', detail: new Error('SECRET detail') })
  await it.clock.advance(60_000)
  return it
}

const children = [child('a'), child('b'), child('c')]

describe.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)('a story with %s', (strategy) => {
  test('is replayed as its listeners heard it', async () => {
    const it = await story({ strategy, journal: keepJournal(), children })
    const { recorded, timeline, differences, supervisor: name } = replay(journalOf(it))
    expect(name).toBe('app')
    expect(timeless(recorded)).toEqual(heard(it, 0))
    expect(timeline).toEqual(recorded)
    expect(differences).toEqual([])
    const stopped = it.app.stop()
    await it.clock.advance(10)
    await stopped
    expect(timeless(replay(journalOf(it)).recorded)).toEqual(heard(it, 0))
  })

  test('leaves nothing of an error’s texts in an export without them, nor of inputs and outputs in any', async () => {
    const classify = (): never => {
      throw new Error('SECRET fault')
    }
    const it = await story({
      strategy,
      classify,
      onFault: () => undefined,
      journal: keepJournal({ errors: 'none' }),
      children,
    })
    const journal = journalOf(it)
    expect(JSON.stringify(journal)).not.toMatch(/SECRET|TypeError/)
    expect(journal.failures.length).toBeGreaterThan(4)
    expect(JSON.stringify(replay(journal).effects)).not.toMatch(/SECRET|TypeError/)
    expect(timeless(replay(journal).recorded)).toEqual(heard(it, 0))

    const withTexts = await story({ strategy, journal: keepJournal(), children })
    const text = JSON.stringify(journalOf(withTexts))
    expect(text).toMatch(/SECRET odd/)
    expect(text).not.toMatch(/SECRET (in|out)put|SECRET cause/)
  })
})

test('each nested supervisor has a journal of its own', async () => {
  const nested = supervisor({
    id: 'nested',
    journal: keepJournal(),
    intensity: 0,
    backoff: { jitter: 'none' },
    children: [child('x')],
  })
  const it = await started({ journal: keepJournal(), children: [child('a'), { id: 'nested', logic: nested }] })
  const inner = administrate(it.ref('nested'))
  exit((await inner.whichChildren())[0]?.ref as never, { type: 'error', error: boom })
  await it.clock.advance(10)
  const outer = replay(journalOf(it)).recorded
  expect(timeless(outer)).toEqual(heard(it, 0))
  expect(outer.filter(({ id }) => id === 'nested').map(({ what }) => what)).toContain('child.restart')
  const again = administrate(it.ref('nested')).journal()
  expect(again.supervisor).toBe('nested')
  expect(replay(again).recorded.map(({ what, id }) => `${what} ${id}`)).toEqual(['child.start x', 'child.ready x'])
})

test('dynamic children are told apart by their actors', async () => {
  const it = await started({ strategy: 'dynamic', journal: keepJournal(), children: [] })
  const one = await it.app.startChild(child('w'))
  const two = await it.app.startChild(child('w'))
  if (one === undefined || two === undefined) throw new Error('no child')
  exit(one, { type: 'error', error: boom })
  await it.clock.advance(300)
  await it.app.terminateChild(one).catch(() => undefined)
  await it.app.terminateChild(two)
  const { recorded } = replay(journalOf(it))
  expect(timeless(recorded)).toEqual(heard(it, 0))
  expect(recorded.length).toBeGreaterThan(5)
})

test('a journal goes on after a restore, and begins with what the supervisor remembers', async () => {
  const first = await started({ breaker: { unstable: 1 }, children })
  await first.crash('a', boom)
  const snapshot = first.app.ref.getPersistedSnapshot()
  const it = bench({ snapshot, breaker: { unstable: 1 }, journal: keepJournal(), children })
  await it.app.start()
  await it.app.unpark('a')
  await it.clock.advance(100)
  await it.crash('a', boom)
  const { recorded } = replay(journalOf(it))
  expect(timeless(recorded)).toEqual(heard(it, 0))
  expect(recorded.map(({ what }) => what)).toContain('child.unparked')
})
