// What a what-if foretells is what then happens, and asking changes nothing.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  administrate,
  createSupervisor,
  supervisor,
  type ChildSpec,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import type { Step } from '@terrarium/supervisor/replay'
import type { PlanAction, RestartStrategy } from '@terrarium/supervisor/strategies'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { SUPERVISOR_EVENTS } from '../src/spec/events.ts'
import { stepOf } from '../src/core/rehearsal.ts'
import { child, NOON } from './support.ts'
import '../../../test/support/no-stacks.mjs'

const IDS = ['a', 'b', 'c', 'd', 'e'] as const
const boom = new Error('boom')

const errors = fc.constantFrom(
  boom,
  new Error('bang'),
  new TypeError('odd'),
  Object.assign(new Error('full'), { code: 'ENOMEM' }),
  Object.assign(new Error('no module'), { code: 'CONFIGURATION' }),
  Object.assign(new Error('stop'), { code: 'ABORT_ERR' }),
)

const aBackoff = fc.record(
  {
    first: fc.constantFrom(0, 50),
    base: fc.constantFrom(10, 200),
    jitter: fc.constantFrom('none', 'equal', 'full'),
    stableAfter: fc.constantFrom(100, 10_000),
    maxAttempts: fc.integer({ min: 1, max: 4 }),
  },
  { requiredKeys: ['jitter'] },
)
const aBreaker = fc.record(
  {
    unstable: fc.integer({ min: 1, max: 4 }),
    minUptime: fc.constantFrom(0, 1_000),
    openFor: fc.constantFrom(100, 5_000),
  },
  { requiredKeys: [] },
)

const aSpec = fc.record(
  {
    restart: fc.constantFrom('permanent', 'transient', 'temporary'),
    onExhausted: fc.constantFrom('park', 'park', 'escalate'),
    shutdown: fc.constantFrom(100, 'brutal_kill'),
    awaitReady: fc.boolean(),
  },
  { requiredKeys: [] },
)

const aSupervisor = fc
  .record({
    strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
    mode: fc.constantFrom('default', 'default', 'otp'),
    intensity: fc.integer({ min: 0, max: 6 }),
    period: fc.constantFrom(1_000, 60_000),
    startRate: fc.constantFrom(2, 20),
    reviveStopped: fc.boolean(),
    backoff: aBackoff,
    breaker: aBreaker,
    children: fc.array(aSpec, { minLength: 1, maxLength: 5 }),
  })
  .map(({ mode, backoff, breaker, startRate, ...options }) => ({
    ...options,
    ...(mode === 'otp' ? { mode } : { backoff, breaker, startRate }),
  }))

/** What a strategy of the user's does with the child at each place, counting from the failed one. */
const aCourse = fc.array(
  fc.constantFrom('restart', 'restart', 'stop', 'park', 'latch', 'delay', 'delay longer', 'escalate', 'nothing'),
  { minLength: 2, maxLength: 4 },
)

/** A strategy that follows a course, another part of it for each failure, and another one at each full second. */
function ownStrategy(course: readonly string[]): RestartStrategy {
  return {
    name: 'own',
    plan: (failed, children, { memory, time }) => {
      const count = typeof memory === 'number' ? memory : 0
      const others = Array.from(children, ({ id }) => id).filter((id) => id !== failed.id)
      const shift = count + (time % 1_000 === 0 ? 1 : 0)
      const actions = [failed.id, ...others].flatMap((child, index): PlanAction[] => {
        const what = course[(index + shift) % course.length] ?? 'nothing'
        if (what === 'restart' || what === 'stop') return [{ action: what, child, because: what }]
        if (what === 'park') return [{ action: 'park', child, for: 300 }]
        if (what === 'latch') return [{ action: 'park', child }]
        if (what === 'delay') return [{ action: 'delay', child, by: 100 }]
        if (what === 'delay longer') return [{ action: 'delay', child, by: 700 }]
        return child === failed.id ? [{ action: 'restart', child }] : []
      })
      const escalates = course[shift % course.length] === 'escalate'
      return { actions: escalates ? [{ action: 'escalate', child: failed.id }] : actions, memory: count + 1 }
    },
  }
}

type Plain = typeof aSupervisor extends fc.Arbitrary<infer T> ? T : never

const optionsOf = ({ children, ...options }: Plain, course: readonly string[] | null): SupervisorOptions => ({
  id: 'nested',
  ...options,
  ...(course === null || 'mode' in options ? {} : { strategy: ownStrategy(course) }),
  random: () => 0.5,
  children: children.map((spec, index) => child(IDS[index] ?? 'z', spec as Partial<ChildSpec>)),
})

/** A tree of two levels: the failures are those of the nested supervisor's children. */
interface Tree {
  readonly clock: VirtualClock
  readonly app: Supervisor
  readonly nested: () => ReturnType<typeof administrate> | undefined
  readonly events: Step[]
}

async function grow(options: SupervisorOptions, isDynamic: boolean): Promise<Tree> {
  const clock = new VirtualClock(NOON)
  const events: Step[] = []
  const { children = [] } = options
  const { strategy } = options
  const restartStrategy = typeof strategy === 'object' ? { restartStrategy: strategy } : {}
  const nested = isDynamic ? { ...options, ...restartStrategy, strategy: 'dynamic' as const, children: [] } : options
  const app = createSupervisor({
    id: 'app',
    clock,
    random: () => 0.5,
    children: [{ id: 'nested', logic: supervisor(nested) }],
  }) as unknown as Supervisor
  await app.start()
  const ref = app.children[0]?.ref
  if (ref === undefined) throw new Error('no nested supervisor')
  for (const type of Object.keys(SUPERVISOR_EVENTS)) {
    ref.on(type, (event: SupervisorEvent) => {
      events.push(stepOf(event, clock.now()))
    })
  }
  const administration = administrate(ref)
  if (isDynamic) for (const spec of children) await administration.startChild(spec)
  const isOver = (): boolean => (ref.getSnapshot() as { status: string }).status !== 'active'
  return { clock, app, events, nested: () => (isOver() ? undefined : administration) }
}

const aFailure = fc.record({ at: fc.nat(4), error: errors, then: fc.constantFrom(0, 1, 60, 400, 2_000, 20_000) })

test('what a what-if foretells is what then happens, in the same order and at the same time', async () => {
  let foretold = 0
  let escalated = 0
  let parked = 0
  let delayed = 0
  await fc.assert(
    fc.asyncProperty(
      aSupervisor,
      fc.boolean(),
      fc.option(aCourse),
      fc.array(aFailure, { minLength: 1, maxLength: 8 }),
      async (options, isDynamic, course, failures) => {
        const { clock, app, events, nested } = await grow(optionsOf(options, course), isDynamic)
        for (const { at, error, then } of failures) {
          const administration = nested()
          if (administration === undefined) break
          const running = (await administration.whichChildren()).filter(({ state }) => state === 'running')
          const victim = running[at % Math.max(1, running.length)]
          if (victim?.ref === undefined) {
            await clock.advance(then)
            continue
          }
          const said = await administration.whatIf(isDynamic ? victim.ref : victim.id, error)
          const now = clock.now()
          events.length = 0
          exit(victim.ref, { type: 'error', error })
          await clock.advance(0)
          const last = said.steps.at(-1)?.at ?? 0
          await clock.advance(last)
          const happened = events.map((step) => ({ ...step, at: step.at - now })).filter((step) => step.at <= last)
          expect(said.steps).toEqual(happened)
          foretold += 1
          if (said.steps.some(({ what }) => what === 'supervisor.exit')) escalated += 1
          if (said.steps.some(({ what }) => what === 'child.parked')) parked += 1
          if (said.steps.some(({ what }) => what === 'child.backoff')) delayed += 1
          await clock.advance(then)
        }
        const stopped = app.stop()
        await clock.advance(1_000)
        await stopped
      },
    ),
    { numRuns: 200 },
  )
  for (const count of [escalated, parked, delayed]) expect(count).toBeGreaterThan(10)
  expect(foretold).toBeGreaterThan(100)
})
