// A pool's core with callers and workers that take time, in time of its own: workers run calls of ordinary tools one
// after the other, messages are under way for a while, and workers die with what they have. It looks at the rules of
// sending ahead after every event. For property tests.
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Random } from '../../../../test/support/random.ts'
import { Call } from '../../src/core/call.ts'
import { dispatch } from '../../src/core/dispatch.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { Outcome, PoolCoreEvent } from '../../src/core/event.ts'
import type { Slot } from '../../src/core/slot.ts'
import { createState, type PoolState, type Settings } from '../../src/core/state.ts'
import { checkAhead, checkSlot, listed, must } from './slot-rules.ts'

export interface Load {
  readonly size: number
  readonly concurrency: number
  /** Each has one call at a time. */
  readonly callers: number
  /** How long a call of each tool takes, in ms. `async` runs beside others. */
  readonly tools: Readonly<Record<string, (random: Random) => number>>
  /** The mean time between two deaths of workers, in ms; 0: none dies. */
  readonly deaths: number
  /** The part of the calls that has a deadline, and that is aborted. */
  readonly timeouts: number
  readonly aborts: number
}

/** How long a message is under way, in ms. */
const WAY = 0.05
/** Calls ahead of a worker that is silent are asked back within so many ms: the looks are 10 ms after an answer. */
const RECALL_WITHIN = 13
const RESTART_AFTER = 5
/** No load takes longer, in ms. */
const LONGEST = 60_000

interface Worker {
  readonly slot: Slot
  readonly incarnation: number
  /** Calls of ordinary tools that have arrived, without the running call. */
  readonly inbox: Call[]
  running: Call | undefined
  readonly beside: Set<Call>
  isDead: boolean
}

/** What a property may ask for when the calls are over. */
export interface Tally {
  events: number
  sent: number
  sentAhead: number
  /** How often a silent worker was asked for its calls. */
  silences: number
  settled: number
}

export class BusyPool {
  readonly state: PoolState
  readonly tally: Tally = { events: 0, sent: 0, sentAhead: 0, silences: 0, settled: 0 }
  now = 0
  readonly #load: Load
  readonly #random: Random
  readonly #agenda: { readonly at: number; readonly act: () => void }[] = []
  readonly #workers = new Map<Slot, Worker>()
  readonly #timers = new Set<number>()
  readonly #heard = new Map<Slot, number>()
  /** The worker that has begun each call last; how each call has ended: the code of its error, or `value`. */
  readonly #begunBy = new Map<Call, Worker>()
  readonly #ends = new Map<Call, string>()
  readonly #sent = new Set<Call>()
  #lastFresh = 0
  #left: number
  #idleSince: number | undefined

  constructor(load: Load, calls: number, random: Random) {
    this.#load = load
    this.#random = random
    this.#left = calls
    const { size, concurrency } = load
    const settings: Settings = {
      pool: 'p',
      hasHandle: true,
      size,
      concurrency,
      queueLimit: 10_000,
      maxDeaths: 3,
      cancelGrace: 100,
      drainTimeout: 1_000,
      sessionLimit: 1_000,
    }
    this.state = createState(settings)
    this.#tell({ type: 'pool.start' })
    this.#tell({ type: 'pool.opened' })
    for (const slot of this.state.slots) this.#start(slot)
  }

  /** Lets all calls be made and answered. */
  run(): Tally {
    for (let caller = 0; caller < this.#load.callers; caller += 1) this.#offer()
    if (this.#load.deaths > 0) this.#dieSoon()
    for (let next = this.#agenda.shift(); next !== undefined; next = this.#agenda.shift()) {
      this.now = next.at
      must(this.now < LONGEST, 'a call is never settled')
      this.#checkSilence()
      next.act()
    }
    const { counts, look, timers, ahead } = this.state
    must(counts.accepted === counts.completed + counts.failed, 'a call was not settled')
    must(look === 0 && timers.size === 0 && ahead === 0, 'something is left')
    return this.tally
  }

  #after(ms: number, act: () => void): void {
    const at = this.now + ms
    let index = this.#agenda.length
    while (index > 0 && (this.#agenda[index - 1]?.at ?? 0) > at) index -= 1
    this.#agenda.splice(index, 0, { at, act })
  }

  #tell(event: PoolCoreEvent): void {
    this.tally.events += 1
    const effects: Effect[] = []
    dispatch(this.state, event, this.now, effects)
    if (event.type === 'pool.timer' && effects.some((effect) => effect.type === 'cancel')) this.tally.silences += 1
    for (const effect of effects) this.#carryOut(effect)
    for (const slot of this.state.slots) checkSlot(slot, listed(slot.calls.first), this.#load.concurrency)
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect.call, effect.slot)
        return
      case 'cancel':
        this.#cancel(effect.call, effect.slot, effect.unlessBegun)
        return
      case 'settle':
        this.#settle(effect.call, effect.error?.code ?? 'value')
        return
      case 'kill':
        this.#after(0, () => {
          this.#die(effect.slot)
        })
        return
      case 'setTimer':
        this.#timers.add(effect.timer)
        this.#after(effect.delay, () => {
          if (this.#timers.delete(effect.timer)) this.#tell({ type: 'pool.timer', timer: effect.timer })
        })
        return
      case 'clearTimer':
        this.#timers.delete(effect.timer)
        return
      default: // the callers are no listeners
    }
  }

  /** A caller makes its next call. */
  #offer(): void {
    if (this.#left === 0) return
    this.#left -= 1
    const { tools, timeouts, aborts } = this.#load
    const names = Object.keys(tools)
    const tool = names[this.#random.between(0, names.length - 1)] ?? ''
    const timeout = this.#random.next() < timeouts ? this.#random.between(1, 40) : undefined
    const call = new Call(tool, { timeout, idempotent: this.#random.next() < 0.5 })
    call.size = this.#random.between(0, 4_000)
    this.#tell({ type: 'call.offered', call, isWatched: false })
    if (timeout !== undefined) {
      this.#after(timeout, () => {
        this.#tell({ type: 'call.expired', call })
      })
    }
    if (this.#random.next() < aborts) {
      this.#after(this.#random.next() * 5, () => {
        this.#tell({ type: 'call.aborted', call, cause: 0 })
      })
    }
  }

  #settle(call: Call, end: string): void {
    must(!this.#ends.has(call), 'a call was settled twice')
    this.#ends.set(call, end)
    this.tally.settled += 1
    const wasRun = this.#begunBy.has(call)
    if (end === 'QUEUE_TIMEOUT') must(wasRun === call.attempts > 0, 'a call that was run is said not to have been')
    this.#after(this.#random.next() * 0.1, () => {
      this.#offer()
    })
  }

  #send(call: Call, slot: Slot): void {
    const worker = this.#workers.get(slot)
    must(worker !== undefined && !this.#ends.has(call), 'a call is sent for nothing')
    this.tally.sent += 1
    const first = listed(slot.calls.first).find((each) => each.tool !== 'async')
    if (first === call) this.#heard.set(slot, this.now)
    if (call.isAhead) {
      this.tally.sentAhead += 1
      checkAhead(slot, listed(slot.calls.first), this.#load.concurrency, this.#silent(slot))
    }
    if (!this.#sent.has(call)) {
      must(call.order > this.#lastFresh, 'a call was sent before an earlier call')
      must(
        (this.state.waiting.normal.first?.order ?? Infinity) > call.order,
        'a call was sent before a call that came back',
      )
      this.#lastFresh = call.order
      this.#sent.add(call)
    }
    this.#reach(slot, (it) => {
      if (call.tool === 'async') this.#begin(it, call)
      else {
        it.inbox.push(call)
        this.#runNext(it)
      }
    })
  }

  #cancel(call: Call, slot: Slot, unlessBegun: boolean): void {
    this.#reach(slot, (worker) => {
      const index = worker.inbox.indexOf(call)
      if (index >= 0) {
        worker.inbox.splice(index, 1)
        this.#answer(worker, call, failure('CANCELLED', true))
      } else if (!unlessBegun && worker.beside.delete(call)) this.#answer(worker, call, failure('CANCELLED', false))
    })
  }

  /** A message is under way to the slot's worker. */
  #reach(slot: Slot, act: (worker: Worker) => void): void {
    const worker = this.#workers.get(slot)
    this.#after(WAY, () => {
      if (worker !== undefined && !worker.isDead) act(worker)
    })
  }

  #runNext(worker: Worker): void {
    while (worker.running === undefined && !worker.isDead) {
      const call = worker.inbox.shift()
      if (call === undefined) return
      if (call.deadline !== undefined && this.now >= call.deadline)
        this.#answer(worker, call, failure('DEADLINE_EXCEEDED', true))
      else this.#begin(worker, call)
    }
  }

  #begin(worker: Worker, call: Call): void {
    const isAsync = call.tool === 'async'
    must(call.idempotent || !this.#begunBy.has(call), 'a call that is not idempotent has begun twice')
    this.#begunBy.set(call, worker)
    must(this.#ends.get(call) !== 'QUEUE_TIMEOUT', 'a call is run that was said not to have been')
    if (isAsync) worker.beside.add(call)
    else worker.running = call
    const begun = worker.beside.size + (worker.running === undefined ? 0 : 1)
    must(begun <= this.#load.concurrency, 'more calls than `concurrency` have begun')
    this.#after(this.#load.tools[call.tool]?.(this.#random) ?? 0, () => {
      if (worker.isDead || (isAsync && !worker.beside.delete(call))) return
      this.#answer(worker, call, this.#random.next() < 0.1 ? failure('PYTHON_ERROR', false) : { value: null })
      if (isAsync) return
      worker.running = undefined
      this.#runNext(worker)
    })
  }

  /** The answer arrives although its worker dies meanwhile. */
  #answer({ slot, incarnation }: Worker, call: Call, outcome: Outcome): void {
    this.#after(WAY, () => {
      if (call.slot !== slot || slot.incarnation !== incarnation) return
      if (call.tool !== 'async' && !('notBegun' in outcome && outcome.notBegun)) this.#heard.set(slot, this.now)
      this.#tell({ type: 'call.answered', call, outcome })
    })
  }

  #dieSoon(): void {
    this.#after(-Math.log(1 - this.#random.next()) * this.#load.deaths, () => {
      const { slots } = this.state
      const slot = slots[this.#random.between(0, slots.length - 1)]
      if (slot !== undefined) this.#die(slot)
      if (this.#left > 0) this.#dieSoon()
    })
  }

  /** Of the calls of a dead worker it is known which have begun; its last answers arrive before its end is told. */
  #die(slot: Slot): void {
    const worker = this.#workers.get(slot)
    if (worker === undefined || worker.isDead) return
    worker.isDead = true
    this.#after(2 * WAY, () => {
      const before = listed(slot.calls.first)
      const unbegun = new Set(before.filter((call) => this.#begunBy.get(call) !== worker))
      const error = new TerrariumError('WORKER_CRASHED', 'died')
      this.#workers.delete(slot)
      const { incarnation, id } = slot
      this.#tell({ type: 'worker.exited', worker: id, incarnation, reason: { type: 'error', error }, unbegun })
      this.#after(RESTART_AFTER, () => {
        this.#start(slot)
      })
    })
  }

  #start(slot: Slot): void {
    const incarnation = slot.incarnation + 1
    const { id } = slot
    this.#workers.set(slot, { slot, incarnation, inbox: [], running: undefined, beside: new Set(), isDead: false })
    this.#tell({ type: 'worker.started', worker: id, incarnation })
    const tools = [{ name: 'async', isAsync: true, isStream: false, summary: '' }]
    this.#tell({ type: 'worker.ready', worker: id, incarnation, pid: incarnation, tools, reportsBegun: true })
  }

  #silent(slot: Slot): number {
    return this.now - (this.#heard.get(slot) ?? 0)
  }

  /** What has lasted until now: calls ahead of a silent worker, or a free worker while calls are ahead elsewhere. */
  #checkSilence(): void {
    const { slots } = this.state
    const busy = slots.filter((slot) =>
      listed(slot.firstAhead).some(({ recalled, state }) => !recalled && state !== 'settled'),
    )
    for (const slot of busy) must(this.#silent(slot) <= RECALL_WITHIN, 'calls stay ahead of a worker that is silent')
    const isIdle =
      slots.some((slot) => slot.isOpen && slot.calls.size === 0) && busy.some(({ recalled }) => recalled === 0)
    this.#idleSince = isIdle ? (this.#idleSince ?? this.now) : undefined
    must(
      this.now - (this.#idleSince ?? this.now) <= RECALL_WITHIN,
      'a worker stays idle while calls are ahead of another',
    )
  }
}

const failure = (code: 'CANCELLED' | 'DEADLINE_EXCEEDED' | 'PYTHON_ERROR', notBegun: boolean): Outcome => ({
  error: new TerrariumError(code, 'from the worker'),
  notBegun,
})
