// Random trees, plans and failures on the virtual clock: the supervisor does what a strategy plans, and no more.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  createSupervisor,
  supervisor,
  type Administration,
  type ChildSpec,
  type Supervisor,
  type SupervisorOptions,
  type SupervisorSnapshot,
} from '@terrarium/supervisor'
import type { PlanAction, RestartPlan, RestartStrategy } from '@terrarium/supervisor/strategies'
import { VirtualClock } from '@terrarium/supervisor/testing'
import type { AnyActorRef } from 'xstate'
import { obedient } from '../support.ts'
import '../../../../test/support/no-stacks.mjs'

const IDS = ['a', 'b', 'c', 'd']
/** Longer than all delays and park times together, in ms. */
const LONG = 100_000

/** What a plan does to one child; `none` leaves it out. Times are in ms; those of parks differ from those of delays. */
type Choice = 'none' | 'restart' | 'stop' | { park?: number } | { delay: number }

const aChoice: fc.Arbitrary<Choice> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('none' as const) },
  { weight: 4, arbitrary: fc.constant('restart' as const) },
  { weight: 1, arbitrary: fc.constant('stop' as const) },
  { weight: 1, arbitrary: fc.constantFrom({}, { park: 15 }, { park: 515 }) },
  { weight: 3, arbitrary: fc.constantFrom({ delay: 0 }, { delay: 10 }, { delay: 500 }) },
)

/** One plan: a choice for each child, and the order of the children. */
const aScript = fc.record({
  choices: fc.array(aChoice, { minLength: 4, maxLength: 4 }),
  order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
})
type Script = typeof aScript extends fc.Arbitrary<infer T> ? T : never

function actionsOf({ choices, order }: Script, failed: string, ids: readonly string[]): PlanAction[] {
  return order.flatMap((index): PlanAction[] => {
    const child = IDS[index] ?? ''
    const choice = choices[index] ?? 'none'
    if (!ids.includes(child)) return []
    if (choice === 'none') return child === failed ? [{ action: 'restart', child }] : []
    if (typeof choice === 'string') return [{ action: choice, child }]
    if ('delay' in choice) return [{ action: 'delay', child, by: choice.delay }]
    return [{ action: 'park', child, ...(choice.park === undefined ? {} : { for: choice.park }) }]
  })
}

interface Memory {
  readonly calls: number
}

/** Takes one script after the other; which one is next is all it remembers. Tells every plan. */
function scripted(
  scripts: readonly Script[],
  tell: (actions: readonly PlanAction[], calls: number) => void,
): RestartStrategy {
  return {
    name: 'scripted',
    plan: (failed, children, { memory }): RestartPlan => {
      const calls = (memory as Memory | undefined)?.calls ?? 0
      const ids = Array.from(children, ({ id }) => id)
      const actions = actionsOf(scripts[calls % scripts.length] as Script, failed.id, ids)
      tell(actions, calls)
      return { actions, memory: { calls: calls + 1 } }
    },
  }
}

/** Starts that fail from now on, by id. */
type Failing = Map<string, number>

function flaky(id: string, failing: Failing, more: Partial<ChildSpec> = {}): ChildSpec {
  const logic = (): typeof obedient => {
    const left = failing.get(id) ?? 0
    failing.set(id, left - 1)
    if (left > 0) throw new Error(`${id} does not start`)
    return obedient
  }
  return { id, logic, ...more }
}

const free = { breaker: 'off', intensity: Number.MAX_SAFE_INTEGER, startRate: Infinity } as const
const patient = { backoff: { jitter: 'none', maxAttempts: Infinity, maxElapsed: 1e12, base: 20, max: 80 } } as const

const boom = { type: 'throw', error: new Error('boom') }
const isAlive = (ref: AnyActorRef): boolean => (ref.getSnapshot() as { status: string }).status === 'active'

/** A supervisor whose events are counted. */
class Tree {
  readonly clock: VirtualClock
  readonly app: Supervisor
  readonly refs = new Set<AnyActorRef>()
  started = 0
  exited = 0

  constructor(options: Omit<SupervisorOptions, 'id'>, clock = new VirtualClock(1_000)) {
    this.clock = clock
    this.app = createSupervisor({
      id: 'app',
      random: () => 0.5,
      crashLoop: 'off',
      ...free,
      ...patient,
      ...options,
      clock,
    })
    this.#watch(this.app.ref)
  }

  #watch(ref: AnyActorRef): void {
    // A nested supervisor has started its children before it is known itself.
    for (const { ref: child } of (ref.getSnapshot() as Partial<SupervisorSnapshot>).supervised ?? []) {
      if (child !== undefined) this.#started(child)
    }
    ref.on('*', (event: object) => {
      const { type, ref: child } = event as { type: string; ref: AnyActorRef }
      if (type === 'child.exit') this.exited += 1
      if (type === 'child.start') this.#started(child)
    })
  }

  #started(child: AnyActorRef): void {
    this.started += 1
    this.refs.add(child)
    this.#watch(child)
  }

  crash(id: string): void {
    this.app.child(id)?.send(boom)
  }

  get hasEnded(): boolean {
    return this.app.ref.getSnapshot().status !== 'active'
  }

  /** Stops all, and proves that nothing is left and that the counts close. */
  async close(): Promise<void> {
    const stopped = this.app.stop()
    await this.clock.advance(LONG)
    await stopped
    expect([...this.refs].filter(isAlive)).toEqual([])
    expect({ pending: this.clock.pending, open: this.started - this.exited }).toEqual({ pending: 0, open: 0 })
  }
}

const aStory = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ crash: fc.array(fc.constantFrom(...IDS), { minLength: 1, maxLength: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ wait: fc.constantFrom(0, 5, 12, 100, 600, 20_000) }) },
    { weight: 1, arbitrary: fc.record({ fail: fc.constantFrom(...IDS), times: fc.integer({ min: 1, max: 3 }) }) },
  ),
  { maxLength: 15 },
)
const scripts = fc.array(aScript, { minLength: 1, maxLength: 6 })
const aKind = fc.constantFrom('permanent' as const, 'transient' as const)

test('everything that should come back comes back, and what a plan keeps down stays down', async () => {
  let planned = 0
  await fc.assert(
    fc.asyncProperty(scripts, aStory, fc.array(aKind, { minLength: 4, maxLength: 4 }), async (list, story, kinds) => {
      const failing: Failing = new Map()
      /** The last action for each child. */
      const last = new Map<string, PlanAction>()
      const strategy = scripted(list, (actions) => {
        planned += 1
        for (const step of actions) last.set(step.child, step)
      })
      const children = IDS.map((id, index) => flaky(id, failing, { restart: kinds[index] ?? 'permanent' }))
      const tree = new Tree({ strategy, children })
      await tree.app.start()
      await tree.clock.advance(10)
      for (const step of story) {
        if ('crash' in step) for (const id of step.crash) tree.crash(id)
        else if ('wait' in step) await tree.clock.advance(step.wait)
        else failing.set(step.fail, step.times)
      }
      await tree.clock.advance(LONG)
      expect(tree.hasEnded).toBe(false)
      const expected = IDS.map((id) => {
        const step = last.get(id)
        if (step?.action === 'stop') return `${id} stopped`
        return step?.action === 'park' && step.for === undefined ? `${id} parked` : `${id} running`
      })
      expect(tree.app.children.map(({ id, state }) => `${id} ${state}`)).toEqual(expected)
      expect(tree.clock.pending).toBe(0)
      const { active } = await tree.app.countChildren()
      expect(active).toBe(expected.filter((each) => each.endsWith('running')).length)
      await tree.close()
    }),
    { numRuns: 500 },
  )
  expect(planned).toBeGreaterThan(1_000)
})

test('the order of a plan is the order that is seen', async () => {
  await fc.assert(
    fc.asyncProperty(aScript, fc.constantFrom(...IDS), async (script, failed) => {
      const actions = actionsOf(script, failed, IDS)
      const tree = new Tree({
        strategy: scripted([script], () => undefined),
        children: IDS.map((id) => ({ id, logic: obedient })),
      })
      await tree.app.start()
      await tree.clock.advance(1_000)
      const moves: string[] = []
      tree.app.on('child.exit', ({ id }) => moves.push(`exit ${id}`))
      tree.app.on('child.start', ({ id }) => moves.push(`start ${id}`))
      tree.crash(failed)
      await tree.clock.advance(LONG)
      const stops = actions.map(({ child }) => child).filter((id) => id !== failed)
      const dueAt = (step: PlanAction): number =>
        step.action === 'restart'
          ? -1
          : step.action === 'delay'
            ? step.by
            : step.action === 'park'
              ? (step.for ?? Infinity)
              : Infinity
      const starts = [...actions]
        .filter((step) => dueAt(step) < Infinity)
        .sort((one, other) => dueAt(one) - dueAt(other))
      expect(moves).toEqual([
        ...[failed, ...stops.reverse()].map((id) => `exit ${id}`),
        ...starts.map(({ child }) => `start ${child}`),
      ])
      await tree.close()
    }),
    { numRuns: 500 },
  )
})

test('the memory survives a JSON round trip at any time', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.array(aStory, { minLength: 2, maxLength: 4 }), async (list, lives) => {
      let asked = 0
      const strategy = scripted(list, (_, calls) => {
        expect(calls).toBe(asked)
        asked += 1
      })
      const children = IDS.map((id) => ({ id, logic: obedient }))
      let snapshot: unknown
      for (const story of lives) {
        const tree = new Tree({
          strategy,
          children,
          ...(snapshot === undefined ? {} : { snapshot: snapshot as never }),
        })
        await tree.app.start()
        for (const step of story) {
          if ('crash' in step) for (const id of step.crash) tree.crash(id)
          else if ('wait' in step) await tree.clock.advance(step.wait)
        }
        expect(tree.hasEnded).toBe(false)
        snapshot = JSON.parse(JSON.stringify(tree.app.ref.getPersistedSnapshot()))
        await tree.close()
      }
    }),
    { numRuns: 200 },
  )
})

test('no sequence of plans, failures and operations throws or leaves anything: nested, dynamic, escalating', async () => {
  const aMode = fc.constantFrom('static', 'dynamic', 'nested')
  const anOperation = fc.constantFrom(
    'terminateChild',
    'restartChild',
    'park',
    'unpark',
    'deleteChild',
    'startChild',
    'reconfigure',
  )
  const aStep = fc.oneof(
    { weight: 4, arbitrary: fc.record({ crash: fc.nat(5), at: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.constantFrom(0, 5, 12, 100, 600) }) },
    { weight: 2, arbitrary: fc.record({ operation: anOperation, on: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ fail: fc.constantFrom(...IDS), times: fc.integer({ min: 1, max: 3 }) }) },
  )
  let ended = 0
  await fc.assert(
    fc.asyncProperty(
      aMode,
      scripts,
      fc.array(aStep, { maxLength: 25 }),
      fc.integer({ min: 1, max: 40 }),
      async (mode, list, story, escalatesAt) => {
        const failing: Failing = new Map()
        const own = scripted(list, () => undefined)
        const strategy: RestartStrategy = {
          ...own,
          plan: (failed, children, context) =>
            ((context.memory as Memory | undefined)?.calls ?? 0) === escalatesAt
              ? { actions: [{ action: 'escalate', child: failed.id }], memory: { calls: 0 } }
              : own.plan(failed, children, context),
        }
        const specs = IDS.map((id) => flaky(id, failing))
        const inner = supervisor({ id: 'inner', strategy, ...free, ...patient, children: specs })
        const tree =
          mode === 'dynamic'
            ? new Tree({ strategy: 'dynamic', restartStrategy: strategy, children: [] })
            : new Tree({
                strategy,
                children: mode === 'nested' ? [...specs.slice(0, 3), { id: 'd', logic: inner }] : specs,
              })
        await tree.app.start()
        if (mode === 'dynamic') for (const spec of specs) await tree.app.startChild(spec)
        const settled: Promise<unknown>[] = []
        for (const step of story) {
          const { children } = tree.app
          if ('crash' in step) {
            const { ref } = children[step.crash % Math.max(1, children.length)] ?? {}
            const below = (ref?.getSnapshot() as Partial<SupervisorSnapshot> | undefined)?.supervised
            const victim =
              step.at === 1 && below !== undefined ? below[step.crash % Math.max(1, below.length)]?.ref : ref
            victim?.send(boom)
          } else if ('wait' in step) await tree.clock.advance(step.wait)
          else if ('fail' in step) failing.set(step.fail, step.times)
          else {
            const target = children[step.on % Math.max(1, children.length)]
            const address = mode === 'dynamic' ? target?.ref : target?.id
            const spec = specs[step.on % specs.length] as ChildSpec
            const { operation } = step
            const call = operation === 'startChild' || operation === 'reconfigure' ? { ...spec } : address
            const app: Administration = tree.app
            settled.push(app[operation](call as never).catch((error: unknown) => error))
          }
        }
        await tree.clock.advance(LONG)
        for (const result of await Promise.all(settled)) {
          if (result instanceof Error) expect(result).toMatchObject({ name: 'TerrariumError' })
        }
        if (tree.hasEnded) {
          ended += 1
          const { error } = tree.app.ref.getSnapshot() as { error: unknown }
          expect(error).toMatchObject({ code: 'STOPPED', details: { exceeded: 'strategy scripted' } })
          expect(JSON.stringify((error as Error).cause ?? null)).not.toContain('wrong plan')
        } else {
          for (const { state } of tree.app.children) expect(['running', 'parked', 'stopped']).toContain(state)
        }
        await tree.close()
      },
    ),
    { numRuns: 600 },
  )
  expect(ended).toBeGreaterThan(5)
})
