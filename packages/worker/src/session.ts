// The host's end of one worker's session: calls and their answers, whatever carries them.
import { EventEmitter } from 'eventemitter3'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { BegunCalls } from './begun-page.ts'
import { explainFailure } from './call-failure.ts'
import { CallTable } from './call-table.ts'
import type { Carrier, FailureFrame, HostFrame, ToolInfo, WorkerFrame } from './frame.ts'
import type { FeedSource } from './feed-source.ts'
import { Feeds } from './feeds.ts'
import { HostCalls } from './host-calls.ts'
import { ItemStreams, type TakeItem } from './item-streams.ts'
import { ProgressTakers, type TakeProgress } from './progress-takers.ts'
import { NO_TOOLS, ToolList } from './tool-list.ts'
import { PLAIN, type ValueCodec } from './values/codec.ts'
import { isWhole, sizeOf, type EncodedValue } from './values/encoded-value.ts'
import { MAX_MESSAGE_BYTES, MAX_VALUE_BYTES } from './values/wire.ts'

/** Of one UTF-16 code unit in UTF-8. */
const MOST_BYTES_OF_UNIT = 3

/** Throws PAYLOAD_TOO_LARGE for a call that no message can carry. The worker checks the results in the same way. */
export function checkCallSize(tool: string, args: EncodedValue): void {
  const most = MAX_VALUE_BYTES
  const size = sizeOf(args)
  if (size + MOST_BYTES_OF_UNIT * tool.length <= most) return
  const bytes = size + Buffer.byteLength(tool)
  if (bytes <= most) return
  const shown = (count: number): string => count.toLocaleString('en-US')
  throw new TerrariumError(
    'PAYLOAD_TOO_LARGE',
    `the arguments of ${tool.slice(0, 128)} have ${shown(bytes)} bytes, a call may have ${shown(most)}`,
    { hint: 'Send them in parts, or write them to a file and send its path.', details: { bytes, most } },
  )
}

/** How one call ended. `notBegun`: it is certain that the tool was not entered, so the call may be run elsewhere. */
export type CallOutcome = { readonly value: unknown } | { readonly error: TerrariumError; readonly notBegun: boolean }

/** A call as its session knows it. An object, because a function for each call costs more than a method of the call. */
export interface SessionCall {
  /** Called exactly once, by {@link Session.abandon} if the session ends first. */
  settled(outcome: CallOutcome): void
}

/** What a call has beside its arguments. */
export interface CallExtras {
  /** The number of an open tool session that it belongs to. Default: 0, none. */
  readonly session?: number
  /** Called with how far the call has come, as its tool says, before the call is settled. */
  readonly progress?: TakeProgress | undefined
  /** The arguments that are streams, by index. Close them once the call has settled. */
  readonly feeds?: readonly FeedSource[] | undefined
}

export interface SessionEvents {
  ready: (tools: readonly ToolInfo[]) => void
  pong: (nonce: number, running: number) => void
  /** `fault`: what the worker did that the protocol does not allow, if that is why. */
  closed: (fault: string | undefined) => void
}

/** What a session is given. */
export interface SessionDependencies {
  readonly carrier: Carrier
  /** Of the worker. */
  readonly pid: number
  /** Reads the results. Default: without registered types. */
  readonly codec?: ValueCodec | undefined
  /** What the worker notes of calls that begin. Default: nothing, so every call that was sent counts as begun. */
  readonly begun?: BegunCalls | undefined
}

/** The host's end of one worker's connection. Its carrier takes its frames, and gives it the worker's. */
export class Session extends EventEmitter<SessionEvents> {
  readonly pid: number
  readonly #carrier: Carrier
  readonly #codec: ValueCodec
  readonly #begun: BegunCalls | undefined
  readonly #pending = new CallTable<SessionCall>()
  readonly #streams = new ItemStreams()
  readonly #feeds = new Feeds((frame) => {
    this.#send(frame)
  })
  readonly #progress = new ProgressTakers()
  /** What its worker calls of the host. */
  readonly hostCalls: HostCalls
  #phase: 'new' | 'greeted' | 'ready' = 'new'
  #tools = NO_TOOLS
  readonly #pings = new Set<number>()
  /** Calls that had not been sent when the session was closed, and later ones. */
  #unsent = new Set<number>()
  #closed = false

  constructor({ carrier, pid, codec = PLAIN, begun }: SessionDependencies) {
    super()
    this.#carrier = carrier
    this.#codec = codec
    this.#begun = begun
    this.pid = pid
    const send = (frame: HostFrame): void => {
      this.#send(frame)
    }
    this.hostCalls = new HostCalls({ codec, apart: carrier.sendsApart ?? false, send })
  }

  /** What an inspector shows of it. */
  toJSON(): object {
    return { pid: this.pid, closed: this.#closed, inFlight: this.inFlight }
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Calls sent and not yet settled. */
  get inFlight(): number {
    return this.#pending.size
  }

  /**
   * Whether it is certain after the worker's death which calls had begun. If not, every call that was sent counts as
   * begun.
   */
  get reportsBegun(): boolean {
    return this.#begun !== undefined
  }

  /** A number that grows whenever something of the worker arrives. */
  get received(): number {
    return this.#carrier.received
  }

  /**
   * Sends a call; `timeout` in ms, 0 for none. Returns its id, for {@link cancel}. Throws TOOL_NOT_FOUND for a tool
   * that the worker has not announced, PAYLOAD_TOO_LARGE, and INVALID_ARGUMENT when a value has lost its memory, or for
   * a tool that has a stream of items.
   */
  call(tool: string, args: EncodedValue, timeout: number, call: SessionCall, extras?: CallExtras): number {
    return this.#call(tool, this.#tools.indexOf(tool), args, timeout, false, call, extras)
  }

  /**
   * Sends a call of a generator, as {@link call}. `take` is called with each item before the call is settled with a
   * value that means nothing. The worker sends no more than the credit of the stream: give back by {@link credit} what
   * was taken.
   */
  stream(
    tool: string,
    args: EncodedValue,
    timeout: number,
    take: TakeItem,
    call: SessionCall,
    extras?: CallExtras,
  ): number {
    const id = this.#call(tool, this.#tools.streamIndexOf(tool), args, timeout, true, call, extras)
    this.#streams.add(id, take)
    return id
  }

  #call(
    tool: string,
    index: number,
    args: EncodedValue,
    timeout: number,
    isStream: boolean,
    call: SessionCall,
    extras: CallExtras | undefined,
  ): number {
    checkCallSize(tool, args)
    if (!isWhole(args)) throw lost(tool)
    const id = this.#pending.add(call)
    const take = extras?.progress
    if (take !== undefined) this.#progress.add(id, take)
    const feeds = extras?.feeds
    if (feeds !== undefined && feeds.length > 0) this.#feeds.add(id, feeds)
    if (this.#closed) this.#unsent.add(id)
    else {
      const wantsProgress = take !== undefined
      this.#send({
        kind: 'call',
        id,
        tool,
        index,
        timeout,
        isStream,
        wantsProgress,
        session: extras?.session ?? 0,
        args,
      })
    }
    return id
  }

  /** Begins a tool session; `number`: not 0, and never used before here. Calls name it in their extras. */
  openSession(number: number, id: string): void {
    this.#send({ kind: 'sessionOpen', number, id })
  }

  /** Ends a tool session of which no call is open. */
  closeSession(number: number): void {
    this.#send({ kind: 'sessionClose', number })
  }

  /** The worker may send so many bytes more of a stream. */
  credit(id: number, bytes: number): void {
    if (!this.#pending.has(id)) return
    this.#streams.credit(id, bytes)
    this.#send({ kind: 'credit', id, bytes })
  }

  /**
   * Asks the worker to stop a call, or with `unlessBegun` to give it back if it has not begun. The call still settles,
   * with whatever the worker answers.
   */
  cancel(id: number, { unlessBegun = false } = {}): void {
    if (this.#pending.has(id)) this.#send({ kind: 'cancel', id, unlessBegun })
  }

  ping(nonce: number): void {
    this.#pings.add(nonce)
    this.#send({ kind: 'ping', nonce })
  }

  /**
   * Settles everything in flight with the reason its worker is gone. To be called when the worker is dead: only then it
   * is certain which calls had not begun.
   */
  abandon(error: TerrariumError): void {
    for (const id of this.#pending.ids()) {
      const notBegun = (this.#unsent.has(id) || !this.#mayHaveBegun(id)) && !this.#feeds.isTouched(id)
      this.#streams.end(id)
      this.#feeds.end(id)
      this.#progress.end(id)
      this.#pending.take(id)?.settled({ error, notBegun })
    }
  }

  /** Takes a frame of the worker. Throws a TypeError on what the protocol does not allow; close the session then. */
  receive(frame: WorkerFrame): void {
    if (this.#closed) return
    switch (frame.kind) {
      case 'result':
        this.#settle(frame.id, frame.value)
        break
      case 'failure':
        this.#fail(frame)
        break
      case 'item':
        if (!this.#streams.receive(frame, this.#codec)) this.cancel(frame.id)
        break
      case 'want':
        if (this.#pending.has(frame.id)) this.#feeds.want(frame)
        break
      case 'progress':
        this.#progress.receive(frame)
        break
      case 'pong':
        if (!this.#pings.delete(frame.nonce)) throw new TypeError('a Pong that was not asked for')
        this.emit('pong', frame.nonce, frame.running)
        break
      case 'ready':
        if (this.#phase === 'ready') throw new TypeError('a second Ready')
        this.#phase = 'ready'
        this.#tools = new ToolList(frame.tools)
        this.emit('ready', this.#tools.tools)
        break
      case 'hello':
        if (this.#phase !== 'new') throw new TypeError('a second Hello')
        this.#phase = 'greeted'
        this.#send({ kind: 'welcome', maxBytes: MAX_MESSAGE_BYTES })
        break
      default:
        if (this.#phase !== 'ready') throw new TypeError('a host call before Ready')
        this.hostCalls.receive(frame)
    }
  }

  /** The same for a frame without segments, whose value is in these bytes from `start` to `end`. */
  receivePart(kind: 'result' | 'item', id: number, bytes: Buffer, start: number, end: number): void {
    if (this.#closed) return
    if (kind === 'item') {
      if (!this.#streams.receivePart(id, bytes, start, end, this.#codec)) this.cancel(id)
      return
    }
    const call = this.#take(id)
    let value: unknown
    try {
      value = this.#codec.decodePart(bytes, start, end, 'the result')
    } catch (error) {
      call.settled({ error: error as TerrariumError, notBegun: false })
      return
    }
    call.settled({ value })
  }

  /**
   * The connection is gone, or has to go. Idempotent. Calls in flight stay unsettled until {@link abandon}. `fault`:
   * what the worker did that the protocol does not allow, if that is why.
   */
  close(fault?: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#unsent = new Set(this.#carrier.unsent())
    this.#carrier.end()
    this.emit('closed', fault)
  }

  #send(frame: HostFrame): void {
    if (!this.#closed) this.#carrier.send(frame, this.#pending.size)
  }

  #mayHaveBegun(id: number): boolean {
    return this.#begun === undefined || this.#pending.isAmbiguous(id) || this.#begun.mayHaveBegun(id)
  }

  #settle(id: number, encoded: EncodedValue): void {
    const call = this.#take(id)
    let value: unknown
    try {
      value = this.#codec.decode(encoded, 'the result')
    } catch (error) {
      call.settled({ error: error as TerrariumError, notBegun: false })
      return
    }
    call.settled({ value })
  }

  #fail(frame: FailureFrame): void {
    const { id } = frame
    const cause = this.hostCalls.errorOf(id, frame.hostCall ?? 0)
    const error = explainFailure(frame, this.#codec, cause)
    const outcome =
      this.#feeds.size === 0
        ? { error, notBegun: frame.notBegun }
        : { error: this.#feeds.explain(id, error), notBegun: frame.notBegun && !this.#feeds.isTouched(id) }
    this.#take(id).settled(outcome)
  }

  #take(id: number): SessionCall {
    const call = this.#pending.take(id)
    if (call === undefined) throw new TypeError(`an answer to call ${id}, which is not open`)
    if (this.#feeds.size > 0) this.#feeds.end(id)
    if (this.#progress.size > 0) this.#progress.end(id)
    if (this.hostCalls.remembers) this.hostCalls.forget(id)
    const error = this.#streams.size === 0 ? undefined : this.#streams.end(id)
    if (error !== undefined) {
      return {
        settled: () => {
          call.settled({ error, notBegun: false })
        },
      }
    }
    return call
  }
}

/** The error of a call of which a long argument was given away after it was encoded. */
const lost = (tool: string): TerrariumError =>
  new TerrariumError('INVALID_ARGUMENT', `the memory of an argument of ${tool} was transferred before it was sent`, {
    hint: 'Leave Buffers and arrays of 64 KiB or more as they are until the call has settled, or send a copy of them.',
  })
