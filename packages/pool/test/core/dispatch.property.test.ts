import { expect, test } from '@jest/globals'
import { TerrariumError, type ExitReason } from '@terrarium/supervisor/base'
import fc from 'fast-check'
import { Call } from '../../src/core/call.ts'
import { dispatch } from '../../src/core/dispatch.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { PoolCoreEvent } from '../../src/core/event.ts'
import type { Slot } from '../../src/core/slot.ts'
import { createState, inFlightIn, queuedIn, type PoolState, type Settings } from '../../src/core/state.ts'
import { failureOf, missingModule } from './support.ts'

// Whatever happens to a pool, in whatever order: the rules that hold after every single event.

/** Events told in all runs of this file. */
let events = 0

/** Carries out effects of the core at random times. News may be late, and about workers that have exited. */
class World {
  readonly state: PoolState
  now = 0
  /** Every call that was ever offered, in order. */
  readonly offered: Call[] = []
  readonly accepted = new Set<Call>()
  readonly settled = new Map<Call, number>()
  readonly timers = new Map<number, number>()
  /** By slot, the calls that its present worker holds. */
  readonly holds = new Map<Slot, Set<Call>>()
  /** Slots whose worker is to be killed, or has lost its session. */
  readonly doomed = new Set<Slot>()
  readonly #told: PoolCoreEvent[] = []
  /** The arrival number of the call that was sent for the first time last. */
  #lastFresh = -1
  ended = 0
  answers = 0

  constructor(settings: Settings) {
    this.state = createState(settings)
    for (const slot of this.state.slots) this.holds.set(slot, new Set())
  }

  tell(event: PoolCoreEvent): void {
    events += 1
    const effects: Effect[] = []
    dispatch(this.state, event, this.now, effects)
    for (const effect of effects) this.#carryOut(effect)
    this.#check()
    for (let next = this.#told.shift(); next !== undefined; next = this.#told.shift()) this.tell(next)
  }

  #carryOut(effect: Effect): void {
    must(this.ended === 0 || effect.type === 'refuse', 'an effect after the end')
    switch (effect.type) {
      case 'send':
        this.#send(effect.call, effect.slot, effect.timeLeft)
        return
      case 'settle':
        must(this.accepted.has(effect.call), 'an answer to a call that was not accepted')
        this.settled.set(effect.call, (this.settled.get(effect.call) ?? 0) + 1)
        return
      case 'watch':
        this.#told.push({ type: 'call.watched' })
        return
      case 'refuse':
        this.accepted.delete(effect.call)
        return
      case 'kill':
        this.doomed.add(effect.slot)
        return
      case 'setTimer':
        must(effect.delay >= 0, 'a timer in the past')
        this.timers.set(effect.timer, this.now + effect.delay)
        return
      case 'clearTimer':
        must(this.timers.delete(effect.timer), 'a timer that is not set is cleared')
        return
      case 'started':
        this.answers += 1
        must(this.answers === 1, 'start() is answered twice')
        return
      case 'end':
        this.ended += 1
        return
      default: // the rest is told or asked, and comes back as an event when the world pleases
    }
  }

  #send(call: Call, slot: Slot, timeLeft: number): void {
    const { concurrency } = this.state.settings
    const held = this.#held(slot)
    must(slot.occupant === 'ready' && !this.doomed.has(slot), 'a call for a worker that is doomed or dead')
    must(!this.settled.has(call), 'a call that is settled is sent')
    must(
      [...held].every((each) => !this.settled.has(each)),
      'a call for a worker that goes on with a stopped one',
    )
    must(held.size === 0 || ![...held, call].some(({ suspect }) => suspect), 'a suspect is not alone')
    held.add(call)
    must(held.size <= concurrency, 'more calls than `concurrency` with a worker')
    const others = this.state.slots.filter((each) => each.isOpen && each !== slot)
    must(
      others.every((each) => this.#held(each).size >= held.size - 1),
      'a worker with fewer calls was passed over',
    )
    if (call.deadline !== undefined) must(timeLeft >= 1 && timeLeft >= call.deadline - this.now, 'too little time')
    else must(timeLeft === 0, 'a limit for a call that has none')
    if (call.attempts > 1 || call.waited < 0) return
    const arrived = this.offered.indexOf(call)
    if (this.#moved.has(call)) return
    must(arrived > this.#lastFresh, 'a call was sent before an earlier call')
    must(this.state.again.size === 0, 'a new call was sent before a call that is to be run again')
    this.#lastFresh = arrived
    this.#moved.add(call)
  }

  /** Calls that were sent before. */
  readonly #moved = new Set<Call>()

  #held(slot: Slot): Set<Call> {
    return this.holds.get(slot) ?? new Set()
  }

  #check(): void {
    const { state, accepted, settled } = this
    for (const count of settled.values()) must(count === 1, 'a call was settled twice')
    const { counts, settings } = state
    const open = [...accepted].filter((call) => !settled.has(call)).length
    must(counts.accepted === accepted.size, 'accepted does not count the accepted calls')
    must(counts.accepted === counts.completed + counts.failed + open, 'the counts do not close')
    must(counts.completed + counts.failed === settled.size, 'the counts do not say what was settled')
    const placed = state.slots.flatMap(({ calls }) => listed(calls.first))
    const queued = [...listed(state.again.first), ...listed(state.waiting.first)]
    must(placed.length === inFlightIn(state) && queued.length === queuedIn(state), 'a list does not know its size')
    const known = [...queued, ...placed.filter((call) => !settled.has(call))]
    must(known.length === open && new Set(known).size === open, 'a call is lost, or in two places')
    must(state.waiting.size <= Math.max(settings.queueLimit, 1), 'the queue is longer than its limit')
    for (const slot of state.slots) {
      const calls = listed(slot.calls.first)
      must(calls.length <= settings.concurrency, 'more calls than `concurrency` in a slot')
      must(slot.overdue === calls.filter(({ overdue }) => overdue).length, 'overdue calls are miscounted')
      must(slot.occupant !== 'none' || calls.length === 0, 'a call is with no worker')
      const free = slot.isOpen && calls.length === 0
      must(!free || queued.length === 0 || state.status === 'stopping' || this.#isWatching, 'a worker idles')
    }
    must(
      [...this.timers.keys()].every((timer) => state.timers.has(timer)),
      'a timer that means nothing',
    )
    must(state.timers.size === this.timers.size, 'a timer that was never set')
    if (this.ended > 0) must(open === 0 && this.timers.size === 0, 'the pool has ended with something left')
  }

  /** True while there is news that the core was not told: a call may wait for its deadline to be set. */
  get #isWatching(): boolean {
    return this.#told.length > 0
  }

  offer(timeout: number | undefined, idempotent: boolean): void {
    const call = new Call({ tool: idempotent ? 'sync' : 'async', timeout, idempotent })
    this.offered.push(call)
    this.accepted.add(call)
    this.tell({ type: 'call.offered', call, isWatched: timeout !== undefined })
  }

  /** A worker answers a call that it holds; sometimes a call that it has let go of. */
  answer(n: number, what: 'value' | 'error' | 'given back', stale: boolean): void {
    const held = [...this.holds].flatMap(([slot, calls]) => [...calls].map((call) => ({ slot, call })))
    const chosen = held[n % Math.max(1, held.length)]
    if (stale || chosen === undefined) {
      const call = this.offered[n % Math.max(1, this.offered.length)]
      const isHeld = held.some((each) => each.call === call)
      if (call !== undefined && !isHeld) this.tell({ type: 'call.answered', call, outcome: { value: n } })
      return
    }
    const { slot, call } = chosen
    this.#held(slot).delete(call)
    const error = new TerrariumError(what === 'error' ? 'PYTHON_ERROR' : 'CANCELLED', what)
    const outcome = what === 'value' ? { value: n } : { error, notBegun: what === 'given back' }
    this.tell({ type: 'call.answered', call, outcome })
  }

  /** Lets something happen to the worker of the n-th slot, if that is possible. */
  happen(
    n: number,
    what: 'start' | 'ready' | 'lost' | 'exit' | 'park' | 'kill',
    reason: ExitReason,
    some: number,
  ): void {
    const slot = this.state.slots[n % this.state.slots.length]
    if (slot === undefined) return
    const { id: worker, occupant } = slot
    const { incarnation } = slot
    switch (what) {
      case 'start':
        if (occupant === 'none') this.tell({ type: 'worker.started', worker, incarnation: incarnation + 1 })
        return
      case 'ready': {
        const tools = [{ name: 'async', isAsync: true, summary: '' }]
        this.tell({ type: 'worker.ready', worker, incarnation, pid: some + 1, tools })
        return
      }
      case 'lost':
        if (occupant === 'ready') this.doomed.add(slot)
        this.tell({ type: 'worker.lost', worker, incarnation })
        return
      case 'exit': {
        const held = this.#held(slot)
        const unbegun = new Set([...held].slice(some % (held.size + 1)))
        held.clear()
        this.doomed.delete(slot)
        this.tell({ type: 'worker.exited', worker, incarnation, reason, unbegun })
        return
      }
      case 'park':
        if (occupant === 'none') this.tell({ type: 'worker.parked', worker, incarnation, failure: failureOf(reason) })
        return
      case 'kill':
        this.tell({ type: 'worker.kill', worker, incarnation, error: new TerrariumError('WORKER_CRASHED', 'drill') })
    }
  }

  /** Fires the next timer, or a timer that does not exist. */
  fire(stale: boolean): void {
    const [next] = [...this.timers].sort(([, one], [, other]) => one - other)
    if (stale || next === undefined) {
      this.tell({ type: 'pool.timer', timer: 0 })
      return
    }
    const [timer, due] = next
    this.timers.delete(timer)
    this.now = Math.max(this.now, due)
    this.tell({ type: 'pool.timer', timer })
  }

  /** A call's deadline passes, or its signal is aborted. */
  cut(n: number, what: 'call.expired' | 'call.aborted' | 'call.unwatchable'): void {
    const call = this.offered[n % Math.max(1, this.offered.length)]
    if (call === undefined || !this.accepted.has(call)) return
    if (what === 'call.expired') this.tell({ type: what, call })
    else this.tell({ type: what, call, cause: n })
  }
}

function listed(first: Call | undefined): Call[] {
  const calls = []
  for (let call = first; call !== undefined; call = call.next) calls.push(call)
  return calls
}

function must(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise)
}

type Step = (world: World) => void

const aReason = fc.constantFrom<ExitReason>(
  { type: 'shutdown' },
  { type: 'killed' },
  { type: 'error', error: new Error('boom') },
  { type: 'error', error: missingModule() },
  { type: 'error', error: new TerrariumError('WORKER_CRASHED', 'died') },
)

const step = <T>(weight: number, arbitrary: fc.Arbitrary<T>, act: (world: World, drawn: T) => void) => ({
  weight,
  arbitrary: arbitrary.map((drawn): Step => (world) => {
    act(world, drawn)
  }),
})

const aStep: fc.Arbitrary<Step> = fc.oneof(
  step(12, fc.tuple(fc.option(fc.nat(500), { nil: undefined }), fc.boolean()), (world, [timeout, idempotent]) => {
    world.offer(timeout === undefined ? undefined : timeout + 1, idempotent)
  }),
  step(
    12,
    fc.tuple(fc.nat(40), fc.constantFrom('value', 'value', 'error', 'given back'), fc.boolean()),
    (world, [n, what, stale]) => {
      world.answer(n, what, stale && n % 4 === 0)
    },
  ),
  step(
    16,
    fc.tuple(
      fc.nat(9),
      fc.constantFrom('start', 'start', 'ready', 'ready', 'ready', 'lost', 'exit', 'park', 'kill'),
      aReason,
      fc.nat(9),
    ),
    (world, [n, what, reason, some]) => {
      world.happen(n, what, reason, some)
    },
  ),
  step(
    4,
    fc.tuple(fc.nat(40), fc.constantFrom('call.expired', 'call.aborted', 'call.unwatchable')),
    (world, [n, what]) => {
      world.cut(n, what)
    },
  ),
  step(4, fc.nat(300), (world, ms) => {
    world.now += ms
  }),
  step(6, fc.nat(9), (world, n) => {
    world.fire(n === 0)
  }),
  step(1, fc.nat(9), (world) => {
    world.tell({ type: 'pool.environment' })
  }),
)

const aSettings: fc.Arbitrary<Settings> = fc.record({
  pool: fc.constant('p'),
  size: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  queueLimit: fc.nat(12),
  hasHandle: fc.boolean(),
  maxDeaths: fc.integer({ min: 1, max: 3 }),
  cancelGrace: fc.nat(300),
  drainTimeout: fc.nat(1_000),
})

const aStory = fc.array(aStep, { minLength: 20, maxLength: 200, size: 'max' })

const anEnd = fc.constantFrom<readonly PoolCoreEvent[]>(
  [{ type: 'pool.stop' }],
  [{ type: 'pool.over', reason: { type: 'error', error: new Error('too many') } }],
  [{ type: 'pool.stop' }, { type: 'pool.stop' }],
  [{ type: 'pool.failed', error: new TerrariumError('CONFIGURATION', 'no interpreter') }],
)

function live(settings: Settings, story: readonly Step[]): World {
  const world = new World(settings)
  world.tell({ type: 'pool.start' })
  world.tell({ type: 'pool.opened' })
  for (const step of story) step(world)
  return world
}

/** Runs of a property. The first one has three times as many: with stories of 110 steps more than 100,000 events. */
const RUNS = 500

test('whatever happens: at most `concurrency` calls a worker, none for a doomed one, each settled once, in order', () => {
  fc.assert(
    fc.property(aSettings, aStory, (settings, story) => void live(settings, story)),
    { numRuns: 3 * RUNS },
  )
  expect(events).toBeGreaterThan(100_000)
})

test('whatever has happened: after stop every call is settled, in whatever order the last workers go', () => {
  fc.assert(
    fc.property(aSettings, aStory, anEnd, aStory, (settings, story, end, afterwards) => {
      const world = live(settings, story)
      for (const event of end) world.tell(event)
      for (const step of afterwards) step(world)
      const { isClosing, status } = world.state
      if (!isClosing && status !== 'stopping') return // it had started before it could fail
      for (let fires = 0; !world.state.isClosing && fires < 1_000; fires += 1) world.fire(false) // it drains
      world.tell({ type: 'pool.closed', left: [] })
      expect(['stopped', 'idle']).toContain(world.state.status)
      expect([queuedIn(world.state), inFlightIn(world.state), world.ended, world.answers]).toEqual([0, 0, 1, 1])
    }),
    { numRuns: RUNS },
  )
})

test('whatever has happened: a hard stop settles every call at once, and later events have no effect', () => {
  fc.assert(
    fc.property(aSettings, aStory, aStory, (settings, story, afterwards) => {
      const world = live(settings, story)
      world.tell({ type: 'pool.halt' })
      expect([queuedIn(world.state), inFlightIn(world.state), world.timers.size]).toEqual([0, 0, 0])
      expect([world.settled.size, world.answers]).toEqual([world.accepted.size, 1])
      world.ended = 1
      for (const step of afterwards) step(world)
      expect(world.settled.size).toBe(world.accepted.size)
    }),
    { numRuns: RUNS },
  )
})

test('the same events always lead to the same state', () => {
  fc.assert(
    fc.property(aSettings, aStory, (settings, story) => {
      const view = ({ state, now }: World): unknown => [now, state.counts, state.status, queuedIn(state)]
      expect(view(live(settings, story))).toEqual(view(live(settings, story)))
    }),
    { numRuns: 100 },
  )
})
