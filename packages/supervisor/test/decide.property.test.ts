import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { AnyActorRef } from 'xstate'
import type { Operation } from '../src/core/operation.ts'
import { decide } from '../src/core/decide.ts'
import type { Effect } from '../src/core/effect.ts'
import type { CoreEvent } from '../src/core/event.ts'
import { Fifo } from '../src/core/fifo.ts'
import { createState, type CoreState } from '../src/core/state.ts'
import { IDLE } from '../src/core/task.ts'
import type { ExitReason } from '../src/base/exit-reason.ts'
import { resolveOptions, type SupervisorOptions } from '../src/spec/options.ts'
import type { ChildSpec } from '../src/spec/spec.ts'
import { child } from './support.ts'

/** An actor as the world knows it; the core only hands refs around. */
interface Incarnation {
  readonly id: string
  readonly startNumber: number
  readonly ref: AnyActorRef
  state: 'asked' | 'spawned' | 'gone'
  asked: boolean
}

/**
 * A world that carries out the core's effects when it pleases: news may be late, may come in any order between
 * children, and may be about the dead.
 */
class World {
  readonly state: CoreState
  readonly incarnations: Incarnation[] = []
  readonly timers = new Map<number, { readonly id: string; readonly due: number }>()
  readonly starts = new Map<AnyActorRef, number>()
  readonly exits = new Map<AnyActorRef, number>()
  readonly #effects = new Fifo<Effect>()
  /** What an effect leads to at once. */
  readonly #told: CoreEvent[] = []
  asked = 0
  answered = 0
  over = false
  now = 0

  constructor(options: SupervisorOptions) {
    this.state = createState(resolveOptions(options))
  }

  tell(event: CoreEvent): void {
    decide(this.state, event, this.now, this.#effects)
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift())
      this.#carryOut(effect)
    this.#check()
    for (let next = this.#told.shift(); next !== undefined; next = this.#told.shift()) this.tell(next)
  }

  #carryOut(effect: Effect): void {
    must(!this.over, 'an effect after the end')
    switch (effect.type) {
      case 'start': {
        const { id } = effect.child
        const { startNumber } = effect
        this.incarnations.push({ id, startNumber, ref: { id, startNumber } as never, state: 'asked', asked: false })
        return
      }
      case 'shutdown':
        if (effect.child.ref !== undefined) this.#find(effect.child.ref).asked = true
        this.#told.push({ type: 'supervisor.child.asked', id: effect.child.id, startNumber: effect.child.startNumber })
        return
      case 'kill':
        this.#find(effect.ref).state = 'gone'
        return
      case 'setTimer':
        this.timers.set(effect.timer, { id: effect.id, due: this.now + effect.delay })
        return
      case 'clearTimer':
        this.timers.delete(effect.timer)
        return
      case 'reply':
        this.answered += 1
        return
      case 'goOn':
        this.#told.push({ type: 'supervisor.go_on' })
        return
      case 'exit':
        this.over = true
        return
      case 'child.start':
        this.starts.set(effect.ref, (this.starts.get(effect.ref) ?? 0) + 1)
        return
      case 'child.exit':
        this.exits.set(effect.ref, (this.exits.get(effect.ref) ?? 0) + 1)
        return
      default: // the other events tell what is known
    }
  }

  #find(ref: AnyActorRef): Incarnation {
    const found = this.incarnations.find((each) => each.ref === ref)
    if (found === undefined) throw new Error('an effect on an actor that never was')
    return found
  }

  #check(): void {
    const live = this.incarnations.filter(({ state }) => state === 'spawned').map(({ id }) => id)
    must(new Set(live).size === live.length, 'two live incarnations of one id')
    for (const count of [...this.starts.values(), ...this.exits.values()]) must(count === 1, 'started or ended twice')
    for (const ref of this.exits.keys()) must(this.starts.has(ref), 'ended without a start')
    must(this.answered <= this.asked, 'answered twice')
    const known = new Set([...this.state.children.values()].map(({ timer }) => timer))
    for (const timer of this.timers.keys()) must(known.has(timer), 'a timer that belongs to no child')
    for (const { state, timer } of this.state.children.values()) {
      if (state === 'running' || state === 'stopped') must(timer === undefined, `a timer while ${state}`)
      if (state === 'backing_off') must(timer !== undefined, 'waits without a timer')
    }
  }

  ask(call: Operation): void {
    this.asked += 1
    this.tell({ type: 'supervisor.call', call, reply: () => undefined })
  }

  /** The n-th thing that can happen to an actor, happens. */
  happen(n: number, what: 'spawn' | 'ready' | 'ignore' | 'exit', reason: ExitReason, random: number): void {
    const candidates = this.incarnations.filter(({ state }) =>
      what === 'spawn' || what === 'ignore' ? state === 'asked' : what === 'ready' ? state === 'spawned' : true,
    )
    const chosen = candidates[n % Math.max(1, candidates.length)]
    if (chosen === undefined) return
    const { id, startNumber, ref } = chosen
    switch (what) {
      case 'spawn': {
        chosen.state = 'spawned'
        this.tell({ type: 'supervisor.child.spawned', id, startNumber, ref, ready: random >= 0.5 })
        return
      }
      case 'ready':
        this.tell({ type: 'supervisor.child.ready', id, startNumber })
        return
      case 'ignore':
        chosen.state = 'gone'
        this.tell({ type: 'supervisor.child.ignored', id, startNumber })
        return
      case 'exit':
        chosen.state = 'gone'
        this.tell({ type: 'supervisor.child.exited', id, startNumber, reason, random })
    }
  }

  /** The next timer fires, or a cancelled timer fires too late. */
  fire(random: number, stale: boolean): void {
    if (stale) {
      this.tell({ type: 'supervisor.timer', id: 'a', timer: 1, random })
      return
    }
    const [next] = [...this.timers].sort(([, one], [, other]) => one.due - other.due)
    if (next === undefined) return
    const [timer, { id, due }] = next
    this.timers.delete(timer)
    this.now = Math.max(this.now, due)
    this.tell({ type: 'supervisor.timer', id, timer, random })
  }

  /** Hanging starts fail, and every child that was asked to end ends, until the supervisor waits for none. */
  settle(): void {
    for (let waiting = this.#waited(); waiting !== undefined; waiting = this.#waited()) {
      const { id, startNumber } = waiting
      waiting.state = 'gone'
      this.tell({ type: 'supervisor.child.exited', id, startNumber, reason: { type: 'shutdown' }, random: 0 })
    }
  }

  #waited(): Incarnation | undefined {
    const starting = this.over ? undefined : this.state.task.starting
    return this.incarnations.find(
      ({ asked, state, startNumber }) =>
        (asked && state === 'spawned') || (state !== 'gone' && startNumber === starting?.startNumber),
    )
  }

  /** A child that is, was or never will be, as one has to call it here. */
  address(n: number): string | AnyActorRef {
    if (this.state.settings.kind === 'static') return IDS[n % IDS.length] ?? 'a'
    return this.incarnations[n % Math.max(1, this.incarnations.length)]?.ref ?? 'a'
  }

  startOne(spec: ChildSpec): void {
    const { template } = this.state.settings
    this.ask({ type: 'startChild', specOrInput: template === undefined ? spec : undefined })
  }
}

function must(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise)
}

const IDS = ['a', 'b', 'c', 'd', 'e']
const anId = fc.constantFrom(...IDS)
const aReason = fc.constantFrom<ExitReason>(
  { type: 'normal' },
  { type: 'shutdown' },
  { type: 'killed' },
  { type: 'error', error: new Error('boom') },
  { type: 'error', error: new Error('bang') },
  { type: 'error', error: Object.assign(new Error('no module'), { code: 'CONFIGURATION' }) },
)
const aFraction = fc.double({ min: 0, max: 0.999, noNaN: true })

const aSpec = fc.record({
  restart: fc.constantFrom('permanent', 'transient', 'temporary'),
  shutdown: fc.constantFrom(100, 'infinity', 'brutal_kill'),
  awaitReady: fc.boolean(),
  onExhausted: fc.constantFrom('park', 'escalate'),
  significant: fc.boolean(),
})

type Step = (world: World) => void

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(9), aFraction).map(([n, random]): Step => (world) => {
      world.happen(n, 'spawn', { type: 'killed' }, random)
    }),
  },
  {
    weight: 8,
    arbitrary: fc.nat(9).map((n): Step => (world) => {
      world.happen(n, 'ready', { type: 'killed' }, 0)
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(9).map((n): Step => (world) => {
      world.happen(n, 'ignore', { type: 'killed' }, 0)
    }),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(40), aReason, aFraction).map(([n, reason, random]): Step => (world) => {
      world.happen(n, 'exit', reason, random)
    }),
  },
  {
    weight: 4,
    arbitrary: fc.nat(20_000).map((ms): Step => (world) => {
      world.now += ms
    }),
  },
  {
    weight: 6,
    arbitrary: aFraction.map((random): Step => (world) => {
      world.fire(random, false)
    }),
  },
  {
    weight: 1,
    arbitrary: aFraction.map((random): Step => (world) => {
      world.fire(random, true)
    }),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('terminateChild', 'restartChild', 'deleteChild', 'unpark', 'getChildSpec'),
        fc.nat(40),
        fc.boolean(),
      )
      .map(([type, n, flag]): Step => (world) => {
        world.ask({ type, child: world.address(n), isOver: () => !flag, force: flag })
      }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(anId, aSpec).map(([id, spec]): Step => (world) => {
      world.startOne(child(id, { ...(spec as object), significant: false }))
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<Operation>({ type: 'whichChildren' }, { type: 'countChildren' })
      .map((call): Step => (world) => {
        world.ask(call)
      }),
  },
)

const aWorld = fc
  .record({
    mode: fc.constantFrom('default', 'otp'),
    strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one', 'dynamic'),
    intensity: fc.nat(6),
    autoShutdown: fc.constantFrom('never', 'any_significant', 'all_significant'),
    reviveStopped: fc.boolean(),
    stopDuringStart: fc.constantFrom('wait', 'preempt'),
    specs: fc.array(aSpec, { minLength: 1, maxLength: 4 }),
  })
  .map(
    ({ specs, ...options }) =>
      () =>
        new World({
          id: 'app',
          ...options,
          children: specs.map((spec, index) => child(IDS[index] ?? 'z', spec as never)),
        }),
  )

const aStory = fc.array(aStep, { maxLength: 120 })

/** Nothing is alive, nothing is waited for, every start has its exit and every question its answer. */
function expectNothingLeft(world: World): void {
  expect(world.state.phase).toBe('stopped')
  expect(world.incarnations.filter(({ state }) => state === 'spawned')).toEqual([])
  expect([...world.exits.keys()]).toHaveLength(world.starts.size)
  expect(world.timers.size).toBe(0)
  expect(world.state.task).toBe(IDLE)
  expect(world.answered).toBe(world.asked)
  for (const { state, ref, timer } of world.state.children.values()) {
    // Who is parked is so in the supervisor's next life.
    expect(['stopped', 'parked']).toContain(state)
    expect({ ref, timer }).toEqual({ ref: undefined, timer: undefined })
  }
}

function isOver({ over }: World): boolean {
  return over
}

function live(make: () => World, story: readonly Step[]): World {
  const world = make()
  world.tell({ type: 'supervisor.boot' })
  for (const step of story) {
    if (world.over) break
    step(world)
  }
  return world
}

const RUNS = { numRuns: 1_000 }

test('whatever happens: one live incarnation per id, one exit per start, no timer unaccounted for, nothing thrown', () => {
  fc.assert(
    fc.property(aWorld, aStory, (make, story) => void live(make, story)),
    RUNS,
  )
})

test('whatever has happened: after stop nothing remains, whenever the last actors come and go', () => {
  fc.assert(
    fc.property(aWorld, aStory, aStory, (make, story, afterwards) => {
      const world = live(make, story)
      if (!world.over) world.tell({ type: 'supervisor.shutdown' })
      for (const step of afterwards) if (!world.over) step(world)
      world.settle()
      for (let fires = 0; fires < IDS.length && !isOver(world); fires += 1) world.fire(0, false)
      expect(world.over).toBe(true)
      expectNothingLeft(world)
    }),
    RUNS,
  )
})

test('whatever has happened: a hard stop leaves nothing at once', () => {
  fc.assert(
    fc.property(aWorld, aStory, (make, story) => {
      const world = live(make, story)
      if (world.over) return
      world.tell({ type: 'supervisor.halt' })
      expectNothingLeft(world)
    }),
    RUNS,
  )
})

test('children are stopped in reverse start order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), (count) => {
      const ids = Array.from({ length: count }, (_, index) => `c${index}`)
      const world = new World({ id: 'app', children: ids.map((id) => child(id)) })
      world.tell({ type: 'supervisor.boot' })
      for (let each = 0; each < count; each += 1) {
        world.happen(0, 'spawn', { type: 'killed' }, 0)
        world.happen(each, 'ready', { type: 'killed' }, 0)
      }
      world.tell({ type: 'supervisor.shutdown' })
      world.settle()
      const order = [...world.exits.keys()].map(({ id }) => id)
      expect(order).toEqual(ids.toReversed())
    }),
  )
})

test('the same story always leads to the same end', () => {
  fc.assert(
    fc.property(aWorld, aStory, (make, story) => {
      const view = ({ state, now }: World): unknown => [now, [...state.children.values()].map((each) => each.info())]
      expect(view(live(make, story))).toEqual(view(live(make, story)))
    }),
    { numRuns: 200 },
  )
})
