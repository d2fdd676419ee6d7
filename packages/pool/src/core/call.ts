// A call as the core knows it, and the list in which calls wait or are with a worker.
import type { CallSite } from '@terrarium/supervisor/base'
import type { Priority } from './lanes.ts'
import type { Pace } from './pace.ts'
import type { Slot } from './slot.ts'
import type { StreamState } from './stream.ts'
import type { SessionUse, ToolSessionState } from './tool-session.ts'

/** `queued`: it waits, in the queue or ahead. `placed`: it has a place on a worker. `settled`: its caller is told. */
export type CallState = 'queued' | 'placed' | 'settled'

/** How a call is to be run. */
export interface CallFacts {
  /** The time from its acceptance to its result, in ms. Default: none. */
  readonly timeout?: number | undefined
  /** Default: false. */
  readonly idempotent?: boolean
  /** Default: `normal`. */
  readonly priority?: Priority
  /** Default: a function of the host does not make it. */
  readonly nested?: NestedIn | undefined
}

/** What a call knows that a function of the host has made. */
export interface NestedIn {
  /** The call of the same pool that waits for it, through the function and others between; undefined: there is none. */
  readonly parent: Call | undefined
  /** How it came about: `['a', 'host price', 'b']`. */
  readonly path: readonly string[]
}

/**
 * One call from its acceptance until its caller is answered, exactly once, and its worker has let go of it. The core
 * updates it in place. The shell adds what only the shell needs, in a subclass.
 */
export class Call {
  readonly tool: string
  readonly timeout: number | undefined
  readonly idempotent: boolean
  /** The lane of the queue that it waits in. */
  readonly priority: Priority
  /** For the stack of its error. */
  readonly site: CallSite | undefined
  readonly nested: NestedIn | undefined
  /** Of its arguments, in bytes. */
  size = 0
  /** The number of its acceptance: calls go in this order. */
  order = 0
  /** Of its tool, once it is known. */
  pace: Pace | undefined
  state: CallState = 'queued'
  /** How often it was handed to a worker that may have begun it. */
  attempts = 0
  /** How many workers died while it was alone with them. */
  deaths = 0
  /** A worker died with it and others. */
  suspect = false
  /** When its time is over, in ms; undefined: never. */
  deadline: number | undefined
  /** How long it has waited so far, in ms, not counting the present state. */
  waited = 0
  /** When the present state began, in ms. */
  since = 0
  /** How many calls of higher lanes had gone when it became the first of its lane; -1: it was not seen there. */
  mark = -1
  /** The list it is in: of waiting calls, or of the calls of one slot; and its neighbours there. */
  list: CallList | undefined
  previous: Call | undefined
  next: Call | undefined
  /** The slot it is with; undefined while it is with none. */
  slot: Slot | undefined
  /** The slot it was with last, and the incarnation of the slot's worker then. */
  lastSlot: Slot | undefined
  lastIncarnation = 0
  /** Its caller has been answered, and its worker has not let go of it yet. */
  overdue = false
  /** Its worker was asked to give it back if it has not begun. */
  recalled = false
  /** When, in ms. */
  recalledAt = 0
  /** The call that may be in one batch with it, and has called a function of the host; itself, if it is that call. */
  batchOf: Call | undefined = undefined
  /** Its tool is async on the worker it is with. */
  isAsync = false
  /** It is a call of a short ordinary tool, and has caused no crash: calls may be sent ahead behind it. */
  isShort = false
  /** It was sent ahead, and has no place on its worker yet. */
  isAhead = false
  /** It was sent ahead to the worker it is with; it may have got a place since. */
  wentAhead = false
  /** Its deadline has passed while it was ahead: its caller is answered once the worker has said if it had begun. */
  isLate = false
  /** The timer of its grace, see `stopped.ts`; 0: none. */
  timer = 0
  /** Some of its arguments are streams, of which a worker that has begun it may have read. */
  hasFeeds = false
  /** How many host calls of it are open. */
  hosts = 0
  /** How long host calls of it were open, in ms, without the present time. */
  hostTime = 0
  /** Since when a host call of it is open, in ms. */
  hostSince = 0
  /** The state of the stream; undefined for a call with one result. */
  stream: StreamState | undefined = undefined
  /** The handle of the session that it is a call of; undefined for most calls. */
  use: SessionUse | undefined = undefined
  /** Its session, once it is accepted. */
  session: ToolSessionState | undefined = undefined
  /** The number of its session at the worker it is with; 0: none. */
  sessionNumber = 0

  constructor(tool: string, { timeout, idempotent = false, priority = 'normal', nested }: CallFacts, site?: CallSite) {
    this.tool = tool
    this.timeout = timeout
    this.idempotent = idempotent
    this.priority = priority
    this.site = site
    this.nested = nested
  }

  /** The call of this pool that waits for it. */
  get parent(): Call | undefined {
    return this.nested?.parent
  }
}

/**
 * Calls in order of arrival; a call that is cancelled leaves in O(1). A linked list through the calls themselves: at
 * 10,000 calls in flight `bench wire` peaks at 33 MiB with it and at 84 MiB with a Map. A call that leaves lets go of
 * its neighbours for the same reason.
 */
export class CallList {
  first: Call | undefined
  last: Call | undefined
  size = 0

  add(call: Call): void {
    call.list = this
    call.previous = this.last
    if (this.last === undefined) this.first = call
    else this.last.next = call
    this.last = call
    this.size += 1
  }

  /** Puts a call in front of all that were accepted after it. Few others come before it. */
  putBack(call: Call): void {
    let next = this.first
    while (next !== undefined && next.order < call.order) next = next.next
    if (next === undefined) {
      this.add(call)
      return
    }
    call.list = this
    call.previous = next.previous
    call.next = next
    if (next.previous === undefined) this.first = call
    else next.previous.next = call
    next.previous = call
    this.size += 1
  }

  delete(call: Call): void {
    const { previous, next } = call
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    call.list = call.previous = call.next = undefined
    this.size -= 1
  }

  /** Removes the first call and returns it. */
  take(): Call | undefined {
    const call = this.first
    if (call !== undefined) this.delete(call)
    return call
  }
}
