// replay(): with changes, and of journals that cannot be replayed.
import { describe, expect, test } from '@jest/globals'
import { keepJournal, replay, type JournalJson, type Replay, type ReplayChanges } from '@terrarium/supervisor/replay'
import type { RestartStrategy } from '@terrarium/supervisor/strategies'
import type { SupervisorOptions } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import type { AnyActorRef } from 'xstate'
import { bench, child, NOON, slow, type Bench } from './support.ts'

const boom = new Error('boom')

async function running(options: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench({ journal: keepJournal(), ...options })
  await it.app.start()
  await it.clock.advance(1_000)
  return it
}

const journalOf = (it: Bench): JournalJson => JSON.parse(JSON.stringify(it.app.journal())) as JournalJson

const shown = (steps: Replay['recorded']): string[] => steps.map(({ at, what, id }) => `${at - NOON} ${what} ${id}`)

const different = (it: Bench, changes: ReplayChanges): string[] =>
  replay(journalOf(it), changes).differences.map(
    ({ at, what, id, run }) => `${run === 'recorded' ? '-' : '+'} ${at - NOON} ${what} ${id}`,
  )

const children = [child('a'), child('b'), child('c')]

describe('with', () => {
  test('another strategy', async () => {
    const it = await running({ children })
    await it.crash('a', boom)
    await it.clock.advance(1_000)
    await it.app.terminateChild('c')
    expect(different(it, { strategy: 'rest_for_one' })).toEqual([
      '+ 1000 child.exit c',
      '+ 1000 child.exit b',
      '+ 1000 child.start b',
      '+ 1000 child.ready b',
      '+ 1000 child.start c',
      '+ 1000 child.ready c',
    ])
    const { recorded, timeline } = replay(journalOf(it), { strategy: 'rest_for_one' })
    expect(shown(recorded).slice(0, 6)).toEqual(shown(timeline).slice(0, 6))
    expect(timeline.at(-1)).toEqual({
      at: NOON + 2_000,
      what: 'child.exit',
      id: 'c',
      incarnation: 2,
      reason: 'shutdown',
    })
  })

  test('a strategy of the user’s', async () => {
    const it = await running({ children })
    await it.crash('b', boom)
    const strategy: RestartStrategy = { name: 'pair', plan: (failed) => ({ restart: [failed.id, 'a'] }) }
    expect(different(it, { strategy })).toEqual(['+ 1000 child.exit a', '+ 1000 child.start a', '+ 1000 child.ready a'])
  })

  test('another backoff', async () => {
    const it = await running({ children: [child('a')] })
    await it.crash('a', boom)
    await it.clock.advance(10_000)
    await it.app.whichChildren()
    expect(different(it, { backoff: { first: 500, jitter: 'none' } })).toEqual([
      '- 1000 child.restart a',
      '- 1000 child.start a',
      '- 1000 child.ready a',
      '+ 1000 child.backoff a',
      '+ 1500 child.restart a',
      '+ 1500 child.start a',
      '+ 1500 child.ready a',
    ])
  })

  test('another breaker: a child whose start goes on failing is parked, and becomes ready once it did', async () => {
    const it = await running({
      children: [
        slow('a', { awaitReady: false, backoff: { first: 100, base: 100, factor: 1, jitter: 'none' }, breaker: 'off' }),
      ],
    })
    // Child `a` cannot start for the first two seconds.
    for (let failure = 0; failure < 5; failure += 1) {
      await it.crash('a', boom)
      await it.clock.advance(400)
    }
    await it.send('a', { type: 'ready' })
    await it.clock.advance(40_000)
    await it.app.whichChildren()
    expect(replay(journalOf(it), { breaker: { identical: 1 } }).differences).toEqual([])
    const own = await running({
      backoff: { first: 100, base: 100, factor: 1, jitter: 'none' },
      breaker: 'off',
      children: [slow('a', { awaitReady: false })],
    })
    for (let failure = 0; failure < 5; failure += 1) {
      await own.crash('a', boom)
      await own.clock.advance(400)
    }
    await own.send('a', { type: 'ready' })
    await own.clock.advance(40_000)
    await own.app.whichChildren()
    const { timeline } = replay(journalOf(own), { breaker: { identical: 2, openFor: 20_000 } })
    expect(shown(timeline)).toEqual([
      '0 child.start a',
      '1000 child.exit a',
      '1000 child.backoff a',
      '1100 child.restart a',
      '1100 child.start a',
      '1400 child.exit a',
      '1400 child.parked a',
      '21400 child.start a',
      '21700 child.unparked a',
      '21700 child.ready a',
    ])
  })

  test('another intensity', async () => {
    const it = await running({ children })
    await it.crash('a', boom)
    await it.crash('b', boom)
    const { timeline } = replay(journalOf(it), { intensity: 1 })
    expect(shown(timeline).slice(-4)).toEqual([
      '1000 child.exit b',
      '1000 child.exit c',
      '1000 child.exit a',
      '1000 supervisor.exit app',
    ])
    expect(different(it, { intensity: 1, period: 1 })).toEqual(different(it, { intensity: 1 }))
  })

  test('another classifier, which sees name, message and code of the errors', async () => {
    const it = await running({ children: [slow('a', { awaitReady: false })] })
    await it.crash('a', Object.assign(new TypeError('odd'), { code: 'E_ODD' }))
    const seen: unknown[] = []
    const { timeline } = replay(journalOf(it), {
      classify: (error, { phase, attempts }) => {
        const { name, message, code } = error as Error & { code: string }
        seen.push({ name, message, code, phase, attempts })
        return 'configuration'
      },
    })
    expect(seen).toEqual([{ name: 'TypeError', message: 'odd', code: 'E_ODD', phase: 'start', attempts: 1 }])
    expect(shown(timeline).at(-1)).toBe('1000 child.parked a')
  })

  test('a change, the functions of the user’s answer as they did for the same failure', async () => {
    const it = await running({
      classify: (error) => ((error as Error).message === 'stop' ? 'cancelled' : 'overload'),
      backoff: { delay: ({ attempt }) => attempt * 70 },
      children: [child('a', { restart: 'transient' }), child('b')],
    })
    await it.clock.advance(20_000)
    await it.crash('b', boom)
    await it.clock.advance(100)
    await it.crash('a', new Error('stop'))
    await it.clock.advance(100)
    await it.app.whichChildren()
    const { timeline } = replay(journalOf(it), { strategy: 'one_for_all' })
    expect(shown(timeline).slice(4)).toEqual([
      '21000 child.exit b',
      '21000 child.backoff b',
      '21000 child.exit a',
      '21070 child.restart b',
      '21070 child.start a',
      '21070 child.ready a',
      '21070 child.start b',
      '21070 child.ready b',
      '21100 child.exit a',
    ])
  })

  test('a change, operations are made again when they were made, also on dynamic children', async () => {
    const it = await running({ strategy: 'dynamic', children: [] })
    const one = (await it.app.startChild(child('w'))) as AnyActorRef
    await it.clock.advance(100)
    exit(one, { type: 'error', error: boom })
    await it.clock.advance(1_000)
    await it.app.terminateChild(it.app.children[0]?.ref as AnyActorRef)
    const { timeline } = replay(journalOf(it), { backoff: { first: 200, jitter: 'none' } })
    expect(shown(timeline)).toEqual([
      '1000 child.start w:1',
      '1000 child.ready w:1',
      '1100 child.exit w:1',
      '1100 child.backoff w:1',
      '1300 child.restart w:1',
      '1300 child.start w:1',
      '1300 child.ready w:1',
      '2100 child.exit w:1',
    ])
  })
})

test('a failure of a child that would have been down does not happen; a long life ends when it ended', async () => {
  const it = await running({ children })
  await it.crash('a', boom)
  await it.clock.advance(500)
  await it.crash('b', boom)
  await it.clock.advance(20_000)
  await it.crash('c', boom)
  const { timeline } = replay(journalOf(it), { strategy: 'one_for_all', backoff: { first: 5_000, jitter: 'none' } })
  const exits = shown(timeline).filter((step) => step.includes('child.exit'))
  expect(exits).toEqual([
    '1000 child.exit a',
    '1000 child.exit c',
    '1000 child.exit b',
    // b’s failure at 1500 finds it down.
    '21500 child.exit c',
    '21500 child.exit b',
    '21500 child.exit a',
  ])
})

describe('is refused:', () => {
  const good = async (): Promise<Record<string, unknown>> => {
    const it = await running({ children })
    await it.crash('a', boom)
    return journalOf(it) as unknown as Record<string, unknown>
  }
  const refused = (journal: unknown, changes?: ReplayChanges) => {
    try {
      replay(journal as JournalJson, changes)
    } catch (error) {
      const { code, message, hint } = error as { code: string; message: string; hint?: string }
      return { code, message, hint }
    }
    return undefined
  }

  test.each([undefined, null, 5, 'text', [], {}])('%j, which is no journal', (journal) => {
    expect(refused(journal)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('is no journal') as unknown,
      hint: 'Pass what journal() of a supervisor has returned.',
    })
  })

  test.each([0, 2, '1', null])('a journal of version %j', async (version) => {
    expect(refused({ ...(await good()), version })).toEqual({
      code: 'INVALID_ARGUMENT',
      message: `this package reads journals of version 1, and this one has version ${version === '1' ? "'1'" : String(version)}`,
      hint: 'Replay it with the version of the package that has made it.',
    })
  })

  test('a damaged journal, with the mistakes', async () => {
    const journal = await good()
    const inputs = journal.inputs as [number, object][]
    const damaged = {
      ...journal,
      errors: 'all',
      failures: [],
      checkpoint: { ...(journal.checkpoint as object), stamps: 'x' },
      answers: [{ hook: 'odd' }],
      inputs: [
        ...inputs,
        [NaN, { type: 'supervisor.boot' }],
        [1, { type: 'odd' }],
        [1, { type: 'supervisor.timer', id: 'a' }],
      ],
    }
    expect(refused(damaged)).toEqual({
      code: 'INVALID_ARGUMENT',
      message: [
        "the journal is damaged: errors must be message or none, not 'all'",
        "checkpoint.stamps must be a list, not 'x'",
        `inputs[${inputs.length}] must be a time and an event`,
        `inputs[${inputs.length + 1}] is no event of a supervisor: 'odd'`,
        `inputs[${inputs.length + 2}].timer must be a number, not undefined`,
        "answers[0].hook is unknown: 'odd'",
        'error 0 is missing in failures',
      ].join('; '),
      hint: 'Take the journal again, and keep it as it is.',
    })
  })

  test('a journal that lacks any of its parts', async () => {
    const journal = await good()
    for (const name of Object.keys(journal)) {
      const { [name]: _, ...rest } = journal
      expect(refused(rest)).toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })

  test('a journal that lacks answers', async () => {
    const strategy: RestartStrategy = { name: 'own', plan: ({ id }) => ({ restart: [id] }) }
    const it = await running({ strategy, children })
    await it.crash('a', boom)
    expect(refused({ ...journalOf(it), answers: [] })).toMatchObject({
      message: 'the journal is damaged: its parts do not fit together',
    })
  })

  test('changes that are none, wrong, or would make other children', async () => {
    const journal = await good()
    expect(refused(journal, { mode: 'otp' } as never)?.message).toContain('mode is unknown')
    expect(refused(journal, { intensity: -1 })?.message).toContain('intensity must be a whole number, 0 or more')
    expect(refused(journal, { strategy: 'dynamic' } as never)?.message).toContain(
      "strategy cannot become 'dynamic': static and dynamic children differ",
    )
    const dynamic = await running({ strategy: 'dynamic', children: [] })
    expect(refused(journalOf(dynamic), { strategy: 'one_for_all' })?.message).toContain('strategy cannot become')
  })

  test('a change beside a strategy of the user’s, which is not in the journal', async () => {
    const strategy: RestartStrategy = { name: 'own', plan: ({ id }) => ({ restart: [id] }) }
    const it = await running({ strategy, children })
    await it.crash('a', boom)
    expect(refused(journalOf(it), { intensity: 0 })).toEqual({
      code: 'INVALID_ARGUMENT',
      message: 'the journal holds only the name of strategy own',
      hint: 'Pass the strategy with the other changes, as `strategy`.',
    })
    expect(replay(journalOf(it), { intensity: 0, strategy }).timeline.at(-1)?.what).toBe('supervisor.exit')
  })
})
