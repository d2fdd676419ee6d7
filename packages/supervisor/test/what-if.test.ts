// whatIf(): what it says, what it refuses, and that it changes nothing.
import { inspect } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { RestartStrategy } from '@terrarium/supervisor/strategies'
import { keepJournal } from '@terrarium/supervisor/replay'
import type { WhatIf } from '@terrarium/supervisor'
import { createMachine, type AnyActorRef } from 'xstate'
import { whatIf } from '../src/core/what-if.ts'
import { child, refusal, slow, started, stubborn, type Bench } from './support.ts'
import { aLongStory, aWorld, type World } from './world.ts'

const boom = new Error('boom')
const configuration = Object.assign(new Error('no module'), { code: 'CONFIGURATION' })

const short = ({ steps }: WhatIf): string[] => steps.map(({ at, what, id }) => `${at} ${what} ${id}`)

/** All that is left when a question has been answered: events, timers, memory, children. */
const traces = (it: Bench): unknown => ({
  events: it.events.length,
  timers: it.clock.pending,
  persisted: it.app.ref.getPersistedSnapshot(),
  children: it.app.children,
})

test('a restart at once', async () => {
  const it = await started({ strategy: 'rest_for_one', children: [child('a'), child('b'), child('c')] })
  const before = traces(it)
  const said = await it.app.whatIf('b', boom)
  expect(traces(it)).toEqual(before)
  expect(short(said)).toEqual([
    '0 child.exit b',
    '0 child.restart b',
    '0 child.exit c',
    '0 child.start b',
    '0 child.ready b',
    '0 child.start c',
    '0 child.ready c',
  ])
  expect(said).toMatchObject({
    supervisor: 'app',
    id: 'b',
    failure: { class: 'unknown', phase: 'run', attempts: 1, error: { name: 'Error', message: 'boom' } },
    plan: {
      strategy: 'rest_for_one',
      actions: [
        { action: 'restart', child: 'b' },
        { action: 'restart', child: 'c' },
      ],
    },
    budget: { intensity: 50, period: 60_000, before: 0, after: 1 },
    sentence: 'If b failed, it would be started again at once, together with c.',
  })
  expect(said).not.toHaveProperty('escalates')
  expect(JSON.parse(JSON.stringify(said))).toEqual(said)
})

test('a delay, in which the others are down', async () => {
  const it = await started({
    strategy: 'one_for_all',
    backoff: { first: 400, jitter: 'none' },
    children: [child('a'), child('b')],
  })
  const said = await it.app.whatIf('a', boom)
  expect(short(said)).toEqual([
    '0 child.exit a',
    '0 child.backoff a',
    '0 child.exit b',
    '400 child.restart a',
    '400 child.start a',
    '400 child.ready a',
    '400 child.start b',
    '400 child.ready b',
  ])
  expect(said.sentence).toBe('If a failed, it would be started again after 400 ms, together with b.')
  expect(said.budget).toMatchObject({ before: 0, after: 0 })
})

test('a park, and the probe after it', async () => {
  const it = await started({ breaker: { unstable: 2 }, children: [child('a')] })
  await it.crash('a', boom)
  const said = await it.app.whatIf('a', boom)
  expect(said.sentence).toBe(
    'If a failed, it would be parked until it is probed after 30,000 ms, because it was never stable.',
  )
  expect(short(said)).toEqual([
    '0 child.exit a',
    '0 child.parked a',
    '30000 child.start a',
    '30000 child.unparked a',
    '30000 child.ready a',
  ])
  expect(said.steps[1]).toMatchObject({ cause: 'unstable' })
  // After a stable run the same failure is the first of its kind.
  expect((await it.app.whatIf('a', boom, { uptime: 20_000 })).failure).toMatchObject({ attempts: 1 })
})

test('a plan that parks the failed child says when the others would come back', async () => {
  const strategy: RestartStrategy = {
    name: 'parks',
    plan: (failed) => ({
      actions: [
        { action: 'park', child: failed.id },
        { action: 'restart', child: 'd' },
        { action: 'delay', child: 'b', by: 5_000 },
        { action: 'delay', child: 'c', by: 5_000 },
      ],
    }),
  }
  const it = await started({ strategy, children: ['a', 'b', 'c', 'd'].map((id) => child(id)) })
  expect((await it.app.whatIf('a', boom)).sentence).toBe(
    'If a failed, it would be parked until unpark() or reconfigure(), because the restart strategy has decided so; ' +
      'd would be started again at once, b and c after 5,000 ms.',
  )
})

test('a failure before the child is ready', async () => {
  const it = await started({ children: [child('a', { awaitReady: false })] })
  const said = await it.app.whatIf('a', configuration, { phase: 'start' })
  expect(said.failure).toMatchObject({ class: 'configuration', phase: 'start' })
  expect(said.sentence).toBe(
    'If a failed, it would be parked until unpark() or reconfigure(), because its configuration is wrong.',
  )
  expect((await it.app.whatIf('a', configuration)).sentence).toBe('If a failed, it would be started again at once.')
})

test('a child that is starting fails in its start, unless it is imagined to be ready', async () => {
  const it = await started({ children: [slow('a', { awaitReady: false })] })
  expect((await it.app.whatIf('a', boom)).failure?.phase).toBe('start')
  expect((await it.app.whatIf('a', boom, { phase: 'run' })).failure?.phase).toBe('run')
  expect(it.state('a')).toBe('starting')
})

test('an escalation, and which children would be stopped for it', async () => {
  const it = await started({ intensity: 0, children: [child('a'), child('b'), child('c')] })
  const said = await it.app.whatIf('b', boom)
  expect(said).toMatchObject({
    escalates: {
      name: 'TerrariumError',
      code: 'STOPPED',
      message: 'supervisor app gave up: restart intensity of child b',
    },
    sentence:
      'If b failed, app would end with "supervisor app gave up: restart intensity of child b", after c and a were stopped.',
  })
  expect(short(said)).toEqual(['0 child.exit b', '0 child.exit c', '0 child.exit a', '0 supervisor.exit app'])
  expect(it.state('b')).toBe('running')
})

test('an end for good', async () => {
  const it = await started({ children: [child('a', { restart: 'temporary' })] })
  const said = await it.app.whatIf('a', boom)
  expect(said.sentence).toBe('If a failed, it would stay down for good: it is not restarted after such an end.')
  expect(said).not.toHaveProperty('plan')
  expect(said).not.toHaveProperty('failure')
})

test('mode otp', async () => {
  const it = await started({ mode: 'otp', strategy: 'one_for_all', intensity: 1, children: [child('a'), child('b')] })
  expect(await it.app.whatIf('a', boom)).toMatchObject({
    budget: { intensity: 1, period: 5_000, before: 0, after: 1 },
    sentence: 'If a failed, it would be started again at once, together with b.',
  })
  await it.crash('a', boom)
  expect(await it.app.whatIf('a', boom)).toMatchObject({
    budget: { before: 1, after: 1 },
    sentence: 'If a failed, app would end, after b was stopped.',
  })
})

test.each(['dynamic', 'simple_one_for_one'] as const)(
  'a child of a %s supervisor is given by its ref',
  async (strategy) => {
    const it = await started({ strategy, children: strategy === 'dynamic' ? [] : [child('a')] })
    const ref = (await it.app.startChild(strategy === 'dynamic' ? child('a') : undefined)) as AnyActorRef
    expect((await it.app.whatIf(ref, boom)).sentence).toBe('If a:1 failed, it would be started again at once.')
    expect(await refusal(it.app.whatIf('a:1', boom))).toBe('not_found')
  },
)

test('a question waits for its turn, as operations do', async () => {
  const it = await started({ children: [child('a'), child('b')] })
  void it.app.startChild(slow('c')).catch(() => undefined)
  let isAnswered = false
  const said = it.app.whatIf('a', boom).then((answer) => {
    isAnswered = true
    return answer
  })
  await it.clock.advance(100)
  expect(isAnswered).toBe(false)
  await it.send('c', { type: 'ready' })
  expect((await said).sentence).toBe('If a failed, it would be started again at once.')
})

describe('is refused', () => {
  test.each([
    ['backing off', { backoff: { first: 100 } }, 'backing_off'],
    ['parked', { breaker: { unstable: 1 } }, 'parked'],
  ] as const)('for a child that is %s', async (_, options, state) => {
    const it = await started({ ...options, children: [child('a')] })
    await it.crash('a', boom)
    await expect(it.app.whatIf('a', boom)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'child a of supervisor app is not running, so it cannot fail',
      hint: 'Ask again when the child runs. explain() says why it is down.',
      details: { supervisor: 'app', child: 'a', reason: 'not_running', state },
    })
  })

  test('for no child, with wrong options, and when the supervisor does not run', async () => {
    const it = await started({ children: [child('a')] })
    expect(await refusal(it.app.whatIf('b', boom))).toBe('not_found')
    await expect(it.app.whatIf('a', boom, { uptime: -1, phase: 'stop', odd: 1 } as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: {
        mistakes: [
          'odd is unknown: there are uptime, phase',
          'uptime must be ms, 0 or more, not -1',
          "phase must be start or run, not 'stop'",
        ],
      },
    })
    await it.app.stop()
    expect(await refusal(it.app.whatIf('a', boom))).toBe('STOPPED')
  })
})

test('a child that ends in the same turn is not asked about any more', async () => {
  const it = await started({ children: [child('a', { logic: stubborn, shutdown: 100 })] })
  const terminated = it.app.terminateChild('a')
  const said = refusal(it.app.whatIf('a', boom))
  await it.clock.advance(100)
  await terminated
  expect(await said).toBe('not_running')
})

test('functions of the user’s are asked, and a journal does not record that', async () => {
  const asked: string[] = []
  const strategy: RestartStrategy = {
    name: 'own',
    plan: (failed) => {
      asked.push('plan')
      return { restart: [failed.id] }
    },
  }
  const it = await started({
    strategy,
    journal: keepJournal(),
    classify: () => {
      asked.push('classify')
      return 'overload'
    },
    backoff: {
      delay: () => {
        asked.push('delay')
        return 70
      },
    },
    children: [child('a')],
  })
  const said = await it.app.whatIf('a', boom)
  expect(asked).toEqual(['classify', 'delay', 'plan'])
  expect(said).toMatchObject({ plan: { strategy: 'own' }, failure: { class: 'overload' } })
  expect(said.sentence).toBe('If a failed, it would be started again after 70 ms.')
  expect(it.app.journal().answers).toEqual([])
})

/** The whole state, private fields included; specifications and actors by their ids. */
const stateOf = ({ state }: World): string => {
  const children = Array.from(state.children.values(), ({ spec, startedWith, ref, ...more }) => ({
    ...more,
    trouble: { ...more.trouble },
    about: [spec.id, startedWith.id, ref?.id],
  }))
  const { window, rate, queue } = state
  const hidden = { stamps: window.stamps, granted: rate.granted, queue: queue.items }
  return inspect({ ...state, settings: 0, listing: 0, children, ...hidden }, { depth: 5, maxArrayLength: null })
}

test('whatever has happened: nothing in the state is changed', () => {
  let asked = 0
  fc.assert(
    fc.property(aWorld, aLongStory, (make, story) => {
      const world = make()
      world.tell({ type: 'supervisor.boot' })
      for (const [index, step] of story.entries()) {
        if (world.over) return
        step(world)
        if (index % 10 > 0) continue
        const victim = [...world.state.children.values()].find((each) => each.isAlive && each.ref !== undefined)
        if (victim === undefined) continue
        const before = stateOf(world)
        whatIf(world.state, victim.id, world.now, boom, {})
        expect(stateOf(world)).toBe(before)
        asked += 1
      }
    }),
    { numRuns: 40 },
  )
  expect(asked).toBeGreaterThan(80)
})

test('what is still to be decided when it is asked is no consequence of the imagined failure', async () => {
  const over = createMachine({ initial: 'over', states: { over: { type: 'final' } } })
  const it = await started({ backoff: { first: 100, jitter: 'none' }, children: [child('b')] })
  let asked: Promise<WhatIf> | undefined
  it.app.on('child.exit', ({ id }) => {
    if (id === 'a') asked ??= it.app.whatIf('b', boom)
  })
  await it.app.startChild({ id: 'a', logic: over })
  await it.clock.advance(0)
  // Child `a` waits already, and the end of its delay is among the steps.
  const said = short((await asked) as WhatIf)
  expect(said[0]).toBe('0 child.exit b')
  expect(said).not.toContain('0 child.backoff a')
  expect(said).toContain('100 child.start a')
  await it.app.stop()
})
