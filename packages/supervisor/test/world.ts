// A world for the core: it carries out effects when it pleases, and random stories of what happens in it. Shared by
// property tests.
import fc from 'fast-check'
import type { AnyActorRef } from 'xstate'
import type { Operation } from '../src/core/operation.ts'
import { decide } from '../src/core/decide.ts'
import type { Effect } from '../src/core/effect.ts'
import type { CoreEvent } from '../src/core/event.ts'
import { Fifo } from '../src/core/fifo.ts'
import { createState, type CoreState } from '../src/core/state.ts'
import type { ExitReason } from '../src/base/exit-reason.ts'
import type { Journal } from '../src/replay/journal.ts'
import { resolveOptions, type SupervisorOptions } from '../src/spec/options.ts'
import type { ChildSpec } from '../src/spec/spec.ts'
import { child } from './support.ts'

/** An actor as the world knows it; the core only hands refs around. */
export interface Incarnation {
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
export class World {
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

  readonly options: SupervisorOptions
  /** The journal, if one is kept, and the effects of each of its inputs. */
  readonly #journal: Journal | undefined
  readonly turns: (readonly [now: number, effects: readonly Effect[]])[] = []

  constructor(options: SupervisorOptions, journal?: Journal) {
    this.options = options
    this.#journal = journal
    const settings = resolveOptions(options)
    this.state = createState(journal?.listen(settings) ?? settings)
    journal?.begin(this.state, this.now)
  }

  tell(event: CoreEvent): void {
    decide(this.state, this.#journal?.record(event, this.now) ?? event, this.now, this.#effects)
    if (this.#journal !== undefined) this.turns.push([this.now, this.#effects.items])
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift())
      this.#carryOut(effect)
    this.#check()
    for (let next = this.#told.shift(); next !== undefined; next = this.#told.shift()) this.tell(next)
    this.#journal?.settle(this.state, this.now)
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
      case 'comeBack':
        this.#told.push(effect.event)
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

  /** Brings about the n-th of all that can happen to an actor. */
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

export const IDS = ['a', 'b', 'c', 'd', 'e']
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

export type Step = (world: World) => void

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
        fc.constantFrom('terminateChild', 'restartChild', 'deleteChild', 'park', 'unpark', 'getChildSpec'),
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

export const aWorld = fc
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
      (journal?: Journal, more: (base: object) => object = () => ({})) =>
        new World(
          {
            id: 'app',
            ...options,
            ...more(options),
            children: specs.map((spec, index) => child(IDS[index] ?? 'z', spec as never)),
          },
          journal,
        ),
  )

export const aStory = fc.array(aStep, { maxLength: 120 })

/** A story in which much happens. */
export const aLongStory = fc.array(aStep, { minLength: 150, maxLength: 400, size: 'max' })
