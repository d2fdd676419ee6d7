// A pool's core in a world that carries out its effects when it pleases, and looks after every event at the rules that
// always hold. For property tests.
import { isTerrariumError, TerrariumError, type ExitReason } from '@terrarium/supervisor/base'
import { Call } from '../../src/core/call.ts'
import { MOST_BEFORE, PRIORITIES, type Priority } from '../../src/core/lanes.ts'
import { dispatch } from '../../src/core/dispatch.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { PoolCoreEvent } from '../../src/core/event.ts'
import type { Slot } from '../../src/core/slot.ts'
import {
  createState,
  inFlightIn,
  queuedIn,
  readyIn,
  withWorkers,
  type PoolState,
  type Settings,
} from '../../src/core/state.ts'
import { checkAhead, checkSlot, inOrder, isLookedAfter, listed, must } from './slot-rules.ts'
import { SessionLedger } from './session-ledger.ts'
import { StreamLedger } from './stream-ledger.ts'
import { failureOf } from './support.ts'

export interface Offer {
  readonly tool: string
  readonly timeout: number | undefined
  readonly idempotent: boolean
  readonly size: number
  readonly priority: Priority
  /** Of a stream: its `idle`, and 0 for none; undefined for a call with one result. */
  readonly stream?: number | undefined
  /** Some of its arguments are streams. */
  readonly feeds?: boolean
  /** The number of the handle of its session; undefined: of none. */
  readonly handle?: number
}

export type Answer = 'value' | 'error' | 'given back' | 'out of time'

const CODES = {
  value: 'PYTHON_ERROR',
  error: 'PYTHON_ERROR',
  'given back': 'CANCELLED',
  'out of time': 'DEADLINE_EXCEEDED',
} as const

/**
 * A pool and its workers. News may be late, and about workers that have exited. Most workers run calls of ordinary
 * tools one at a time.
 */
export class World {
  /** Events told, calls sent ahead, and reloads and drains that came to their end, in all runs of this process. */
  static events = 0
  static sentAhead = 0
  static reloads = 0
  static drains = 0
  readonly state: PoolState
  readonly streams = new StreamLedger((event) => {
    this.tell(event)
  })
  readonly sessions = new SessionLedger()
  now = 0
  /** Every call that was ever offered, in order. */
  readonly offered: Call[] = []
  readonly accepted = new Set<Call>()
  readonly settled = new Set<Call>()
  readonly timers = new Map<number, number>()
  /** By slot, the calls that its present worker holds. */
  readonly holds = new Map<Slot, Set<Call>>()
  /** Slots whose worker is to be killed, or has lost its session. */
  readonly doomed = new Set<Slot>()
  readonly #told: PoolCoreEvent[] = []
  /** By lane: the arrival number of the call that was sent for the first time last. */
  readonly #lastFresh = { high: -1, normal: -1, low: -1 }
  /** By lane: how many calls of higher lanes were sent while its first call waited, and that call. */
  readonly #passed = { high: 0, normal: 0, low: 0 }
  readonly #firsts: Partial<Record<Priority, Call | undefined>> = {}
  /** Calls that had a place, or were to be run again, after the last event: they do not come from a lane. */
  #outside = new Set<Call>()
  ended = 0
  lastError: unknown
  answers = 0
  /** What the pool wants done with workers in a reload, and was not done yet. */
  readonly orders: Extract<Effect, { readonly type: 'replace' | 'dismissSpare' }>[] = []
  #isDrainAsked = false
  #isReloadAsked = false
  #left: Slot | undefined

  constructor(settings: Settings) {
    this.state = createState(settings)
    for (const slot of this.state.slots) this.holds.set(slot, new Set())
  }

  tell(event: PoolCoreEvent): void {
    World.events += 1
    if (event.type === 'pool.drain') this.#isDrainAsked = true
    if (event.type === 'pool.reload') this.#isReloadAsked = true
    const effects: Effect[] = []
    dispatch(this.state, event, this.now, effects)
    for (const effect of effects) this.#carryOut(effect)
    this.#check(event.type === 'call.answered')
    for (let next = this.#told.shift(); next !== undefined; next = this.#told.shift()) this.tell(next)
  }

  #carryOut(effect: Effect): void {
    must(
      this.ended === 0 || ['refuse', 'drained', 'reloaded', 'session.closed'].includes(effect.type),
      'an effect after the end',
    )
    switch (effect.type) {
      case 'send':
        this.#send(effect.call, effect.slot, effect.timeLeft)
        return
      case 'settle':
        must(this.accepted.has(effect.call), 'an answer to a call that was not accepted')
        this.lastError = effect.error
        must(!this.settled.has(effect.call), 'a call was settled twice')
        this.settled.add(effect.call)
        this.streams.settled(effect.call, effect.error, this.now)
        return
      case 'session.open':
        this.sessions.opened(effect)
        return
      case 'session.close':
        this.sessions.closed(effect, [...this.#held(effect.slot)])
        return
      case 'session.closed':
        this.sessions.answered(effect.use)
        return
      case 'credit':
        this.streams.credit(effect, this.now)
        return
      case 'released':
        this.streams.released(effect.call)
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
      case 'drained':
        must(this.#isDrainAsked, 'an answer to a drain that was not asked for')
        must(effect.error !== undefined || withWorkers(this.state) === 0, 'drained, and a call is with a worker')
        this.#isDrainAsked = false
        World.drains += 1
        return
      case 'reloaded':
        must(this.#isReloadAsked, 'an answer to a reload that was not asked for')
        this.#isReloadAsked = false
        if (effect.error === undefined) World.reloads += 1
        return
      case 'startSpare':
        this.holds.set(effect.slot, new Set())
        return
      case 'replace':
      case 'dismissSpare':
        must(effect.slot.calls.size === 0, 'a worker with calls is ended')
        this.orders.push(effect)
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
    this.streams.sent(call, this.now)
    must(!this.state.isPaused, 'a call was sent although the pool is paused')
    must(slot.occupant === 'ready' && !this.doomed.has(slot), 'a call for a worker that is doomed or dead')
    must(!this.settled.has(call), 'a call that is settled is sent')
    must(!call.hasFeeds || !call.isAhead, 'a call whose arguments are streams is sent ahead')
    must(!call.hasFeeds || !call.isShort, 'calls may be sent ahead behind a call that waits for its source')
    must(
      [...held].every((each) => !this.settled.has(each)),
      'a call for a worker that goes on with a stopped one',
    )
    must(held.size === 0 || ![...held, call].some(({ suspect }) => suspect), 'a suspect is not alone')
    if (call.tool !== 'async' && ![...held].some(({ tool }) => tool !== 'async')) this.#heard.set(slot, this.now)
    const others = this.state.slots.filter((each) => each.isOpen && each !== slot)
    if (call.session !== undefined) {
      must(held.size < concurrency, 'a call of a session was sent ahead')
      this.sessions.sent(call, slot)
      held.add(call)
      return
    }
    if (held.size < concurrency) {
      held.add(call)
      must(
        others.every((each) => this.#held(each).size >= held.size - 1),
        'a worker with fewer calls was passed over',
      )
    } else {
      World.sentAhead += 1
      const { concurrency } = this.state.settings
      checkAhead(slot, [...held, call], concurrency, this.now - (this.#heard.get(slot) ?? 0))
      held.add(call)
      must(
        others.every((each) => this.#held(each).size >= concurrency),
        'a free worker was passed over',
      )
    }
    if (call.deadline !== undefined) must(timeLeft >= 1 && timeLeft >= call.deadline - this.now, 'too little time')
    else must(timeLeft === 0, 'a limit for a call that has none')
    if (!this.#outside.has(call) && !call.suspect && call.deaths === 0) this.#checkLanes(call)
    const arrived = this.offered.indexOf(call)
    if (this.#sent.has(call)) return
    must(arrived > this.#lastFresh[call.priority], 'a call was sent before an earlier call of its lane')
    must(this.state.again.size === 0, 'a new call was sent before a call that is to be run again')
    const { first } = this.state.waiting[call.priority]
    must((first?.order ?? Infinity) > call.order, 'a new call was sent before a call that came back')
    this.#lastFresh[call.priority] = arrived
    this.#sent.add(call)
  }

  /** When each slot's worker answered a call of an ordinary tool, or was sent one while it had none. */
  readonly #heard = new Map<Slot, number>()

  /** Calls that were sent before. */
  readonly #sent = new Set<Call>()

  #held(slot: Slot): Set<Call> {
    return this.holds.get(slot) ?? new Set()
  }

  #check(isAnswer: boolean): void {
    const { state, accepted, settled } = this
    const { counts, settings } = state
    const open = accepted.size - settled.size
    must(counts.accepted === accepted.size, 'accepted does not count the accepted calls')
    must(counts.accepted === counts.completed + counts.failed + open, 'the counts do not close')
    must(counts.completed + counts.failed === settled.size, 'the counts do not say what was settled')
    const withWorker = state.slots.flatMap(({ calls }) => listed(calls.first))
    const ahead = withWorker.filter(({ isAhead }) => isAhead)
    const queued = [
      ...listed(state.again.first),
      ...PRIORITIES.flatMap((lane) => listed(state.waiting[lane].first)),
      ...this.sessions.waiting(state),
    ]
    must(withWorker.length === withWorkers(state) && ahead.length === state.ahead, 'calls with workers are miscounted')
    must(withWorker.length - ahead.length === inFlightIn(state), 'calls in flight are miscounted')
    must(queued.length + ahead.length === queuedIn(state), 'a list does not know its size')
    const known = [...queued, ...withWorker.filter((call) => !settled.has(call))]
    must(known.length === open && new Set(known).size === open, 'a call is lost, or in two places')
    for (const lane of PRIORITIES) must(inOrder(listed(state.waiting[lane].first)), 'calls wait out of order')
    must(
      PRIORITIES.every((lane) => state.waiting[lane].first?.priority === lane || state.waiting[lane].size === 0),
      'a call waits in a lane that is not its own',
    )
    if (isAnswer) this.#checkShares()
    this.streams.check()
    this.sessions.check(state)
    this.#checkUpkeep()
    this.#outside = new Set([...listed(state.again.first), ...withWorker.filter(({ isAhead }) => !isAhead)])
    for (const slot of state.slots) {
      const calls = listed(slot.calls.first)
      must(this.#begun(slot).length <= settings.concurrency, 'more calls than `concurrency` have begun')
      checkSlot(slot, calls, settings.concurrency)
      must(state.look !== 0 || calls.every(isLookedAfter), 'calls are ahead, and nothing looks at them')
      must(slot.overdue === calls.filter(({ overdue }) => overdue).length, 'overdue calls are miscounted')
      must(slot.occupant !== 'none' || calls.length === 0, 'a call is with no worker')
      const free = slot.isOpen && calls.length === 0
      const isHeld = state.status === 'stopping' || state.isPaused || this.#isWatching
      must(!free || isHeld || !queued.some((call) => this.sessions.mayRun(call, slot)), 'a worker idles')
    }
    must(
      [...this.timers.keys()].every((timer) => state.timers.has(timer)),
      'a timer that means nothing',
    )
    must(state.timers.size === this.timers.size, 'a timer that was never set')
    if (this.ended > 0) must(open === 0 && this.timers.size === 0, 'the pool has ended with something left')
  }

  /** The call goes from its lane: the first calls of lower lanes have waited for it. */
  #checkLanes(sent: Call): void {
    const { waiting } = this.state
    for (const lane of PRIORITIES) {
      const { first } = waiting[lane]
      if (first !== this.#firsts[lane] || lane === sent.priority) this.#passed[lane] = 0
      else if (PRIORITIES.indexOf(sent.priority) < PRIORITIES.indexOf(lane) && first !== undefined)
        this.#passed[lane] += 1
      this.#firsts[lane] = first
      must(this.#passed[lane] <= MOST_BEFORE, 'too many calls of higher lanes were sent before a call that waits')
    }
  }

  /** What is asked for is answered, and a reload leaves as many workers ready as it found. */
  #checkUpkeep(): void {
    const { reload, isDraining, settings, slots } = this.state
    must(isDraining === this.#isDrainAsked, 'a drain is not answered')
    const isOpen = reload !== undefined && (reload.failure === undefined || reload.again)
    must(this.#isReloadAsked === isOpen, 'a reload is not answered')
    must(slots.length === settings.size + (reload === undefined ? 0 : 1), 'a slot is lost, or left')
    const leaving = reload?.spareState === 'ending' ? reload.spare : reload?.leaving
    if (reload !== undefined && leaving !== undefined && leaving !== this.#left && leaving.occupant === 'doomed')
      must(readyIn(this.state) >= reload.least, 'the count of ready workers dips')
    this.#left = leaving
  }

  /** What a reload wants is done with the worker, the oldest order first. */
  obey(): void {
    const order = this.orders.shift()
    if (order === undefined) return
    const { slot, type } = order
    const index = this.state.slots.indexOf(slot)
    if (slot.occupant !== 'none') this.happen(index, 'exit', { type: 'shutdown' }, 0)
    if (type === 'replace') this.happen(index, 'start', { type: 'normal' }, 0)
    else this.tell({ type: 'spare.gone', error: undefined })
  }

  /** A worker idles while another one has much to do, and nothing was asked back from any. */
  #checkShares(): void {
    const { slots, again, waiting, inSessions } = this.state
    if (
      again.size + waiting.size + inSessions > 0 ||
      this.state.isPaused ||
      this.#isWatching ||
      slots.some(({ recalled }) => recalled > 0)
    )
      return
    // As the core reckons: with times such as 5e-324 `now - since >= 1` is another question.
    if (!slots.some((slot) => slot.isOpen && slot.calls.size === 0 && slot.since <= this.now - 1)) return
    const isWorth = ({ ahead, firstAhead, overdue }: Slot): boolean =>
      overdue === 0 && ahead * (firstAhead?.pace?.time ?? 0) >= 1
    must(!slots.some(isWorth), 'a worker idles while calls are ahead of another one')
  }

  /** What a worker has begun of its calls: all calls of async tools, and the first call of an ordinary tool. */
  #begun(slot: Slot): Call[] {
    const held = [...this.#held(slot)]
    const first = held.find(({ tool }) => tool !== 'async')
    return held.filter((call) => call === first || call.tool === 'async')
  }

  /** True while there is news that the core was not told: a call may wait for its deadline to be set. */
  get #isWatching(): boolean {
    return this.#told.length > 0
  }

  /** A worker that has begun a stream sends an item. */
  item(n: number, bytes: number): void {
    const slots = [...this.holds.keys()].filter((slot) => !this.doomed.has(slot))
    const begun = slots.flatMap((slot) => this.#begun(slot)).filter(({ stream }) => stream !== undefined)
    this.streams.item(n, begun, bytes, this.now)
  }

  offer({ tool, size, stream, feeds = false, handle, ...asked }: Offer): void {
    const call = new Call(tool, asked)
    if (handle !== undefined) call.use = this.sessions.handle(handle)
    call.size = size
    call.hasFeeds = feeds
    if (stream !== undefined) this.streams.add(call, stream === 0 ? undefined : stream)
    this.offered.push(call)
    this.accepted.add(call)
    const { waiting, ahead, inSessions, settings } = this.state
    const mayWait = waiting.size + ahead + inSessions < Math.max(settings.queueLimit, 1)
    this.tell({ type: 'call.offered', call, isWatched: asked.timeout !== undefined })
    must(mayWait || !this.accepted.has(call), 'the queue is longer than its limit')
  }

  /**
   * A worker answers a call that it holds: in order, a call that it has begun, or it gives back a call that it has not;
   * out of order, any call. Stale: a call that it has let go of.
   */
  answer(n: number, what: Answer, manner: 'in order' | 'out of order' | 'stale'): void {
    const notBegun = what === 'given back' || what === 'out of time'
    const held = [...this.holds].flatMap(([slot, calls]) => {
      const begun = this.#begun(slot)
      return [...calls].map((call) => ({
        slot,
        call,
        mayBe: manner !== 'in order' || begun.includes(call) !== notBegun,
      }))
    })
    const possible = held.filter(({ mayBe }) => mayBe)
    const chosen = possible[n % Math.max(1, possible.length)]
    if (manner === 'stale') {
      const call = this.offered[n % Math.max(1, this.offered.length)]
      const isHeld = held.some((each) => each.call === call)
      if (call !== undefined && !isHeld) this.tell({ type: 'call.answered', call, outcome: { value: n } })
    }
    if (manner === 'stale' || chosen === undefined) return
    const { slot, call } = chosen
    this.#held(slot).delete(call)
    if (!notBegun && call.tool !== 'async') this.#heard.set(slot, this.now)
    const error = new TerrariumError(CODES[what], what)
    this.tell({ type: 'call.answered', call, outcome: what === 'value' ? { value: n } : { error, notBegun } })
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
        const tools = [{ name: 'async', isAsync: true, isStream: false, summary: '' }]
        this.tell({ type: 'worker.ready', worker, incarnation, pid: some + 1, tools, reportsBegun: some > 2 })
        return
      }
      case 'lost':
        if (occupant === 'ready') this.doomed.add(slot)
        this.tell({ type: 'worker.lost', worker, incarnation })
        return
      case 'exit':
        this.#exit(slot, reason, some)
        return
      case 'park':
        if (occupant === 'none') this.tell({ type: 'worker.parked', worker, incarnation, failure: failureOf(reason) })
        return
      case 'kill':
        this.tell({ type: 'worker.kill', worker, incarnation, error: new TerrariumError('WORKER_CRASHED', 'drill') })
    }
  }

  /** A worker becomes ready in every slot that has none. */
  startAll(some: number): void {
    this.state.slots.forEach((_, n) => {
      for (const what of ['start', 'ready'] as const) this.happen(n, what, { type: 'normal' }, some)
    })
  }

  /** What a worker that reports begun calls has not begun is known; of another one it may be anything. */
  #exit(slot: Slot, reason: ExitReason, some: number): void {
    const { id: worker, incarnation } = slot
    const held = [...this.#held(slot)]
    const begun = slot.reportsBegun ? this.#begun(slot) : held.slice(0, some % (held.length + 1))
    const unbegun = new Set(held.filter((call) => !begun.includes(call)))
    const isCrash = reason.type === 'error' && !isTerrariumError(reason.error, 'CONFIGURATION')
    const mayMove = this.state.closed === undefined && slot.occupant !== 'none'
    const before = held.map((call) => {
      const { deaths, suspect, isLate, state } = call
      return { call, deaths, suspect, isLate, state }
    })
    this.#held(slot).clear()
    this.doomed.delete(slot)
    this.sessions.gone(slot)
    this.tell({ type: 'worker.exited', worker, incarnation, reason, unbegun })
    if (!isCrash || !mayMove) return
    for (const { call, deaths, suspect, isLate, state } of before) {
      if (state === 'settled' || isLate || call.session?.isStrict === true) continue // it is lost with its session
      if (unbegun.has(call) && (call.stream?.items ?? 0) === 0) {
        must(call.deaths === deaths && call.suspect === suspect, 'a call that had not begun is to blame')
        must((call.state as string) !== 'settled', 'a call that had not begun did not move')
      } else if (call.idempotent) {
        const isAlone = begun.length === 1
        must(call.deaths === deaths + (isAlone ? 1 : 0), 'a call is to blame for more or less than it has done')
        must(isAlone || call.suspect, 'a call that shared a dead worker is no suspect')
      }
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

  /** A handle is closed, or begins its session anew. */
  end(n: number, type: 'session.close' | 'session.restart'): void {
    const use = type === 'session.close' ? this.sessions.close(n) : this.sessions.handle(n)
    this.tell({ type, use })
  }

  /** A call's deadline passes, or its signal is aborted. */
  cut(n: number, what: 'call.expired' | 'call.aborted' | 'call.unwatchable'): void {
    const call = this.offered[n % Math.max(1, this.offered.length)]
    if (call === undefined || !this.accepted.has(call)) return
    if (what === 'call.expired') this.tell({ type: what, call })
    else this.tell({ type: what, call, cause: n })
  }
}
