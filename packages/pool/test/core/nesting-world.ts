// A pool's core with workers that make host calls, whose functions make calls of the same pool. For property tests:
// after every event it is compared with another reckoning of which nested calls can go on.
import { TerrariumError } from '@terrarium/supervisor/base'
import { Call } from '../../src/core/call.ts'
import { dispatch } from '../../src/core/dispatch.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { PoolCoreEvent } from '../../src/core/event.ts'
import type { Slot } from '../../src/core/slot.ts'
import { createState, queuedIn, type PoolState, type Settings } from '../../src/core/state.ts'
import { SessionUse, type Affinity } from '../../src/core/tool-session.ts'
import { listed, must } from './slot-rules.ts'

/** A function of the host that runs for a call, and the calls that it has made. */
interface HostCall {
  readonly call: Call
  readonly children: Call[]
}

export class NestingWorld {
  /** In all runs of this process. */
  static readonly counts = { events: 0, nested: 0, refused: 0, placed: 0, givenBack: 0, atHome: 0, busy: 0, lost: 0 }
  readonly state: PoolState
  /** By slot, the calls that its worker has, in order of arrival. */
  readonly #held = new Map<Slot, Call[]>()
  /** By slot, the call that keeps its worker's main thread busy. */
  readonly #main = new Map<Slot, Call>()
  /** Calls of batches that have begun, each with all calls of its batch. */
  readonly #batches = new Map<Call, ReadonlySet<Call>>()
  /** By call, whether it is given back only if it has not begun. */
  readonly #askedBack = new Map<Call, boolean>()
  #timer = 0
  #now = 0
  /** By id. */
  readonly #sessions = new Map<string, SessionUse>()
  #hostCalls: HostCall[] = []
  readonly offered: Call[] = []
  readonly settled = new Map<Call, string>()

  constructor(settings: Settings) {
    this.state = createState(settings)
    for (const slot of this.state.slots) this.#held.set(slot, [])
    this.tell({ type: 'pool.start' })
    this.tell({ type: 'pool.opened' })
    for (const slot of this.state.slots) this.#start(slot)
  }

  tell(event: PoolCoreEvent): void {
    NestingWorld.counts.events += 1
    const effects: Effect[] = []
    dispatch(this.state, event, this.#now, effects)
    for (const effect of effects) this.#carryOut(effect)
    this.#checkRefused(effects)
    this.#check()
  }

  #carryOut(effect: Effect): void {
    if (effect.type === 'settle') {
      const { call, error } = effect
      must(!this.settled.has(call), 'a call is settled twice')
      this.settled.set(call, error?.code ?? 'value')
      if (call.parent !== undefined && error?.code === 'WORKER_BUSY') NestingWorld.counts.busy += 1
      if (call.parent !== undefined && error?.code === 'SESSION_LOST') NestingWorld.counts.lost += 1
    } else if (effect.type === 'refuse') this.settled.set(effect.call, effect.error.code)
    else if (effect.type === 'send') {
      const { call, slot } = effect
      const held = this.#held.get(slot) ?? []
      const main = this.#main.get(slot)
      const waits = main !== undefined && this.#hostCalls.some((each) => each.call === main)
      must(!(call.isAhead && waits), 'a call is sent ahead to a main thread that waits for the host')
      if (call.parent !== undefined) {
        NestingWorld.counts.placed += 1
        if (call.session?.isStrict === true) NestingWorld.counts.atHome += 1
        must(call.isAsync || !waits, 'a nested call is behind a main thread that waits for the host')
      }
      const { session } = call
      must(session?.isStrict !== true || session.home === slot, 'a call of a strict session is not at its worker')
      held.push(call)
      this.#run(slot)
    } else if (effect.type === 'cancel') this.#askedBack.set(effect.call, effect.unlessBegun)
    else if (effect.type === 'setTimer' && this.state.timers.get(effect.timer)?.type === 'stuck')
      this.#timer = effect.timer
    else if (effect.type === 'endHostCalls') {
      must(
        this.#hostCalls.some(({ call }) => call === effect.call),
        'host calls are ended that are not open',
      )
      this.#hostCalls = this.#hostCalls.filter(({ call }) => call !== effect.call)
    }
  }

  /** Each was refused while it and the calls that were refused after it were waiting. */
  #checkRefused(effects: readonly Effect[]): void {
    const refused = effects.flatMap((effect) =>
      effect.type === 'settle' && effect.error?.code === 'DEADLOCK' ? [effect.call] : [],
    )
    NestingWorld.counts.refused += refused.length
    const waiting = listed(this.state.nested.first)
    refused.forEach((call, index) => {
      must(!this.#goOn([...waiting, ...refused.slice(index)], true).has(call), 'a call is refused that could go on')
    })
  }

  #check(): void {
    const { state } = this
    for (const slot of state.slots) {
      const calls = listed(slot.calls.first)
      must(slot.hosts === calls.filter(({ hosts }) => hosts > 0).length, 'calls that wait for the host are miscounted')
    }
    for (const call of this.offered) {
      const open = this.#hostCalls.filter((each) => each.call === call).length
      must(call.hosts === open, 'host calls are miscounted')
    }
    const waiting = listed(state.nested.first)
    must(
      waiting.every((call, index) => index === 0 || call.order > (waiting[index - 1] as Call).order),
      'not in order',
    )
    const isHasty = ({ session }: Call): boolean =>
      session?.affinity === 'strict_fail_fast' && session.home !== undefined
    must(!waiting.some(isHasty), 'a nested call waits that does not want to')
    if (this.#timer !== 0) return // it is decided when that is over
    const going = this.#goOn(waiting)
    must(
      waiting.every((call) => going.has(call)),
      'a nested call waits for ever',
    )
  }

  /**
   * The calls that can end, or get a place, if each call that waits for nothing ends some time: first the calls that
   * need nothing, and then all that need only these. `waiting`: calls without a place. `asTold`: as far as the pool can
   * know, which hears that a call has begun, and not whether it has in the batch that waits or in the next.
   */
  #goOn(waiting: readonly Call[], asTold = false): Set<Call> {
    const { slots, settings } = this.state
    const going = new Set<Call>()
    const placed = slots.flatMap((slot) => listed(slot.calls.first).map((call) => ({ call, slot })))
    const all = [...waiting, ...placed.map(({ call }) => call)]
    for (let size = -1; size !== going.size;) {
      size = going.size
      for (const { call, slot } of placed) {
        const batch = this.#batches.get(call)
        const isBehind = batch === undefined && (isBatch(call) || (!call.isAsync && this.#main.get(slot) !== call))
        const children = all.filter(
          (each) => each.parent === call && (each.slot === undefined || each.state !== 'settled'),
        )
        // What is behind a main thread that waits is asked back.
        // A function may need one of its calls only, as by Promise.race.
        const isAnswered = children.length === 0 || children.some((child) => going.has(child))
        const told = asTold && call.batchOf !== undefined ? [call.batchOf] : []
        const others = [...(batch ?? []), ...told].filter((each) => each !== call && each.hosts > 0)
        if (isBehind || ((call.hosts === 0 || isAnswered) && others.every((each) => going.has(each)))) going.add(call)
      }
      for (const call of waiting) {
        const home = call.session?.home
        const gets = slots.some((slot) => {
          if (home !== undefined && slot !== home) return false
          if (slot.occupant !== 'ready' || slot.overdue > 0) return true // it is decided anew when that is over
          const calls = listed(slot.calls.first)
          const ending = calls.filter((each) => going.has(each)).length
          if (call.suspect || slot.isolated) return ending === calls.length
          const main = this.#main.get(slot)
          if (!slot.isAsync(call.tool) && main !== undefined && !going.has(main)) return false
          return calls.length - ending < settings.concurrency
        })
        if (gets) going.add(call)
      }
    }
    return going
  }

  /** A main thread that is free runs the first call. Calls of `batch` are passed over: they wait for others. */
  #run(slot: Slot): void {
    const held = this.#held.get(slot) ?? []
    const main = this.#main.get(slot)
    if (main !== undefined && held.includes(main)) return
    const next = held.find((call) => !call.isAsync && !isBatch(call))
    if (next === undefined) this.#main.delete(slot)
    else this.#main.set(slot, next)
  }

  /** A batch of a slot is full, or has waited long enough. */
  runBatch(n: number): boolean {
    const able = [...this.#held].flatMap(([slot, held]) =>
      held
        .filter((call) => isBatch(call) && !this.#batches.has(call) && (call.isAsync || !this.#main.has(slot)))
        .map((call) => ({ call, slot, held })),
    )
    const chosen = pick(able, n)
    if (chosen === undefined) return false
    const { call, slot, held } = chosen
    const batch = held.filter(({ tool }) => tool === call.tool).filter((each) => !this.#batches.has(each))
    for (const each of batch) this.#batches.set(each, new Set(batch))
    if (!call.isAsync) this.#main.set(slot, batch[0] as Call)
    return true
  }

  /** Calls that were asked back and are still there have begun. */
  wait(): boolean {
    if (this.#timer === 0) return false
    while (this.giveBack());
    const timer = this.#timer
    this.#timer = 0
    this.#now += 20
    this.tell({ type: 'pool.timer', timer })
    return true
  }

  /** Calls that their workers have begun: all async ones, those on main threads, and batches. */
  #begun(): Call[] {
    return [...this.#held].flatMap(([slot, held]) =>
      held.filter(
        (call) => this.#batches.has(call) || (!isBatch(call) && (call.isAsync || call === this.#main.get(slot))),
      ),
    )
  }

  offer(tool: string, idempotent: boolean, affinity?: Affinity): void {
    this.#offer(new Call(tool, { timeout: undefined, idempotent }), affinity)
  }

  /** `affinity`: the call belongs to the session of this affinity, which is begun anew if it was lost. */
  #offer(call: Call, affinity?: Affinity): void {
    this.offered.push(call)
    if (affinity !== undefined) {
      const use = this.#sessions.get(affinity) ?? new SessionUse(affinity, affinity, undefined)
      this.#sessions.set(affinity, use)
      if (use.session?.status === 'lost') this.tell({ type: 'session.restart', use })
      call.use = use
    }
    this.tell({ type: 'call.offered', call, isWatched: false })
  }

  /** A tool calls a function. */
  callHost(n: number): void {
    // The shell refuses the host calls of calls that are overdue. A batch calls as its first call.
    const begun = this.#begun().filter(
      (call) => !call.overdue && (this.#batches.get(call)?.values().next().value ?? call) === call,
    )
    const call = pick(begun, n)
    if (call === undefined) return
    this.#hostCalls.push({ call, children: [] })
    this.tell({ type: 'host.called', call })
  }

  /** A function makes a call. */
  nest(n: number, tool: string, idempotent: boolean, affinity?: Affinity): void {
    const hostCall = pick(this.#hostCalls, n)
    if (hostCall === undefined) return
    const { call: parent, children } = hostCall
    const call = new Call(tool, {
      timeout: undefined,
      idempotent,
      nested: { parent, path: [parent.tool, 'host', tool] },
    })
    children.push(call)
    NestingWorld.counts.nested += 1
    this.#offer(call, affinity)
  }

  /** A function answers. It waits for its calls. */
  answerHost(n: number): boolean {
    const able = this.#hostCalls.filter(({ children }) => children.every((child) => this.settled.has(child)))
    const hostCall = pick(able, n)
    if (hostCall === undefined) return false
    this.#hostCalls.splice(this.#hostCalls.indexOf(hostCall), 1)
    this.tell({ type: 'host.answered', call: hostCall.call })
    return true
  }

  /** A tool answers. It waits for its functions. */
  answer(n: number): boolean {
    const waits = (call: Call): boolean => this.#hostCalls.some((open) => open.call === call)
    const able = this.#begun().filter((call) => ![call, ...(this.#batches.get(call) ?? [])].some(waits))
    const chosen = pick(able, n)
    if (chosen === undefined) return false
    // A batch is answered as one.
    for (const call of this.#batches.get(chosen) ?? [chosen]) {
      this.#letGo(call)
      if (call.slot === undefined) continue // it was cancelled
      this.tell({ type: 'call.answered', call, outcome: { value: null } })
    }
    return true
  }

  /** A worker gives back a call that it has not begun, or answers one of a batch that was cancelled. */
  giveBack(): boolean {
    const begun = this.#begun()
    for (const [call, unlessBegun] of this.#askedBack) {
      this.#askedBack.delete(call)
      const isOfBatch = !unlessBegun && (this.#batches.get(call)?.size ?? 0) > 1 && call.hosts === 0
      const notBegun = !begun.includes(call)
      if (call.slot === undefined || !(notBegun || isOfBatch)) continue
      NestingWorld.counts.givenBack += 1
      this.#letGo(call)
      const error = new TerrariumError('CANCELLED', 'given back')
      this.tell({ type: 'call.answered', call, outcome: { error, notBegun } })
      return true
    }
    return false
  }

  #letGo(call: Call): void {
    this.#askedBack.delete(call)
    this.#batches.delete(call)
    for (const [slot, held] of this.#held) {
      this.#held.set(
        slot,
        held.filter((each) => each !== call),
      )
      this.#run(slot)
    }
  }

  /** A worker dies, and the next one is ready. Whatever waits for its host calls is aborted. */
  crash(n: number): void {
    const slot = pick(this.state.slots, n)
    if (slot === undefined) return
    const begun = this.#begun()
    const unbegun = new Set((this.#held.get(slot) ?? []).filter((call) => !begun.includes(call)))
    const aborted = this.#hostCalls.filter(({ call }) => call.slot === slot).flatMap(({ children }) => children)
    for (const call of this.#held.get(slot) ?? []) {
      this.#askedBack.delete(call)
      this.#batches.delete(call)
    }
    this.#held.set(slot, [])
    this.#main.delete(slot)
    const reason = { type: 'error', error: new TerrariumError('WORKER_CRASHED', 'died') } as const
    this.tell({ type: 'worker.exited', worker: slot.id, incarnation: slot.incarnation, reason, unbegun })
    for (const call of aborted) this.tell({ type: 'call.aborted', call, cause: undefined })
    this.#start(slot)
  }

  #start({ id, incarnation }: Slot): void {
    const about = { worker: id, incarnation: incarnation + 1 }
    this.tell({ type: 'worker.started', ...about })
    const tools = [
      { name: 'async', isAsync: true, isStream: false, summary: '' },
      { name: 'batch', isAsync: false, isStream: false, summary: '', batch: 8 },
      { name: 'async batch', isAsync: true, isStream: false, summary: '', batch: 8 },
    ]
    this.tell({ type: 'worker.ready', ...about, pid: 1, tools, reportsBegun: true })
  }

  /** Everything that can end, ends. */
  finish(): void {
    this.tell({ type: 'pool.resume' })
    while (this.giveBack() || this.answerHost(0) || this.answer(0) || this.runBatch(0) || this.wait());
    must(queuedIn(this.state) === 0, 'a call waits for ever')
    must(this.settled.size === this.offered.length, 'a call is not settled')
  }
}

const isBatch = ({ tool }: Call): boolean => tool === 'batch' || tool === 'async batch'

const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)]
