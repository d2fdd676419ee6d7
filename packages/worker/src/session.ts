// The host's end of one worker's session, without the stream below it: batches, acknowledgements, calls and answers.
import { EventEmitter } from 'eventemitter3'
import { TerrariumError } from '@terrarium/supervisor/base'
import { CallTable } from './call-table.ts'
import {
  FailureCode,
  type Failure,
  type HostFrame,
  type SessionRequest,
  type SessionResponse,
  type Tool,
  type WorkerFrame,
} from './generated/terrarium/v1/session.ts'
import { PLAIN, type ValueCodec } from './values/codec.ts'
import { inOne } from './values/encoded-value.ts'
import { FRAME_OVERHEAD, MAX_MESSAGE_BYTES, MAX_VALUE_BYTES } from './values/wire.ts'

/** The version of `terrarium.v1` spoken here. */
export const PROTOCOL_VERSION = 1

/**
 * Frames that wait together travel together, up to this many payload bytes a message (a longer frame travels alone).
 */
const BATCH_BYTES = 256 * 1024

/** Throws PAYLOAD_TOO_LARGE for a call that no message can carry. The worker checks the results in the same way. */
export function checkCallSize(tool: string, args: Uint8Array): void {
  const bytes = args.length + Buffer.byteLength(tool)
  const most = MAX_VALUE_BYTES
  if (bytes <= most) return
  const size = (count: number): string => count.toLocaleString('en-US')
  throw new TerrariumError(
    'PAYLOAD_TOO_LARGE',
    `the arguments of ${tool.slice(0, 128)} have ${size(bytes)} bytes, a call may have ${size(most)}`,
    { hint: 'Send them in parts, or write them to a file and send its path.', details: { bytes, most } },
  )
}

/** The longest name of a tool, as the package `terrarium` sees to it, in characters. */
const LONGEST_NAME = 128
/** What is kept of texts that a worker sends, in characters. */
const LONGEST_TEXT = 8_192
const LONGEST_TRACEBACK = 131_072

export interface ToolInfo {
  readonly name: string
  readonly isAsync: boolean
  readonly summary: string
}

/**
 * How one call ended. Every call is settled exactly once, unless its session ends first: then by
 * {@link Session.abandon}. `notBegun`: it is certain that the tool was not entered, so the call may be run elsewhere.
 */
export type Settle = (
  outcome: { readonly value: unknown } | { readonly error: TerrariumError; readonly notBegun: boolean },
) => void

/** What a session needs of the stream below it. */
export interface SessionStream {
  write(message: SessionResponse): void
  end(): void
}

export interface SessionEvents {
  ready: (tools: readonly ToolInfo[]) => void
  pong: (nonce: number, running: number) => void
  /** `fault`: what the worker did that the protocol does not allow, if that is why. */
  closed: (fault: string | undefined) => void
}

/**
 * The host's end of one worker's stream. Calls go out batched: everything written in one tick is one message, and while
 * a message is unacknowledged the next ones gather. Without that gate batches only ever split under load.
 */
export class Session extends EventEmitter<SessionEvents> {
  readonly pid: number
  readonly #stream: SessionStream
  readonly #codec: ValueCodec
  readonly #later: (callback: () => void) => unknown
  readonly #pending = new CallTable<Settle>()
  #outbox: HostFrame[] = []
  #outboxBytes: number[] = []
  #sent = 0
  #acknowledged = 0
  #received = 0
  #receivedAcknowledged = 0
  #flushScheduled = false
  #phase: 'new' | 'greeted' | 'ready' = 'new'
  readonly #pings = new Set<number>()
  /** Calls whose frames had not been written when the session was closed. */
  #unsent: ReadonlySet<number> = new Set()
  #closed = false

  /**
   * `codec` reads the results; default: one without registered types. `later` calls back when the answers that a
   * message brings about are written; default: at the end of this turn of the event loop.
   */
  constructor(
    stream: SessionStream,
    pid: number,
    codec = PLAIN,
    later: (callback: () => void) => unknown = (callback) => setImmediate(callback),
  ) {
    super()
    this.#stream = stream
    this.#codec = codec
    this.#later = later
    this.pid = pid
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

  /** Sends a call; `timeout` in ms, 0 for none. Returns its id, for {@link cancel}. Throws PAYLOAD_TOO_LARGE. */
  call(tool: string, args: Buffer, timeout: number, settle: Settle): number {
    checkCallSize(tool, args)
    const id = this.#pending.add(settle)
    this.#enqueue(
      { kind: { $case: 'call', value: { id, tool, arguments: args, timeoutMs: timeout } } },
      args.length + tool.length + FRAME_OVERHEAD,
    )
    return id
  }

  /**
   * Asks the worker to stop a call, or with `unlessBegun` to give it back if it has not begun. The call still settles,
   * with whatever the worker answers.
   */
  cancel(id: number, { unlessBegun = false } = {}): void {
    if (this.#pending.has(id)) this.#enqueue({ kind: { $case: 'cancel', value: { id, unlessBegun } } }, 16)
  }

  ping(nonce: number): void {
    this.#pings.add(nonce)
    this.#enqueue({ kind: { $case: 'ping', value: { nonce } } }, 16)
  }

  /** How many calls in flight may have begun. */
  get begun(): number {
    return this.#pending.size - this.#unsent.size
  }

  /** Settles everything in flight with the reason its worker is gone. */
  abandon(error: TerrariumError): void {
    for (const { id, value: settle } of this.#pending.takeAll()) settle({ error, notBegun: this.#unsent.has(id) })
  }

  /** Takes a message from the wire. Throws a TypeError on what the protocol does not allow; close the session then. */
  receive(message: SessionRequest): void {
    if (this.#closed) return
    const { seq, ack, frames } = message
    if (ack !== this.#sent && ack !== this.#acknowledged) {
      throw new TypeError(`message ${ack} was acknowledged, sent were ${this.#sent}`)
    }
    this.#acknowledged = ack
    if (seq > 0) {
      if (seq !== after(this.#received)) throw new TypeError(`message ${seq} follows ${this.#received}`)
      if (this.#receivedAcknowledged !== this.#received) {
        throw new TypeError(`message ${seq} came before ${this.#received} was acknowledged`)
      }
      if (frames.length === 0) throw new TypeError(`message ${seq} has no frames`)
      this.#received = seq
      for (const frame of frames) this.#frame(frame)
      // Whatever the answers bring about in this turn carries the acknowledgement; else it goes alone.
      this.#later(() => {
        if (this.#receivedAcknowledged !== this.#received) this.#write([])
      })
    } else if (frames.length > 0) throw new TypeError('a message without a number has frames')
    this.#flushSoon()
  }

  /**
   * The stream is gone, or has to go. Idempotent. Calls in flight stay unsettled until {@link abandon}. `fault`: what
   * the worker did that the protocol does not allow, if that is why.
   */
  close(fault?: string): void {
    if (this.#closed) return
    this.#closed = true
    const unsent = this.#outbox.flatMap(({ kind }) => (kind?.$case === 'call' ? kind.value.id : []))
    if (unsent.length > 0) this.#unsent = new Set(unsent)
    this.#outbox = []
    this.#outboxBytes = []
    this.#stream.end()
    this.emit('closed', fault)
  }

  #welcome(): void {
    this.#enqueue(
      {
        kind: {
          $case: 'welcome',
          value: { protocolVersion: PROTOCOL_VERSION, maxMessageBytes: MAX_MESSAGE_BYTES },
        },
      },
      16,
    )
  }

  #frame({ kind }: WorkerFrame): void {
    switch (kind?.$case) {
      case 'result':
        this.#settle(kind.value.id, kind.value.value)
        break
      case 'failure':
        this.#take(kind.value.id)({ error: explainFailure(kind.value, this.#codec), notBegun: kind.value.notBegun })
        break
      case 'pong':
        if (!this.#pings.delete(kind.value.nonce)) throw new TypeError('a Pong that was not asked for')
        this.emit('pong', kind.value.nonce, kind.value.running)
        break
      case 'ready':
        if (this.#phase === 'ready') throw new TypeError('a second Ready')
        this.#phase = 'ready'
        this.emit('ready', toolInfos(kind.value.tools))
        break
      case 'hello':
        if (this.#phase !== 'new') throw new TypeError('a second Hello')
        this.#phase = 'greeted'
        this.#welcome()
        break
      case undefined:
        throw new TypeError('a frame of a kind that this version does not know')
    }
  }

  #settle(id: number, bytes: Uint8Array): void {
    const settle = this.#take(id)
    let value: unknown
    try {
      value = this.#codec.decode(inOne(bytes), 'the result')
    } catch (error) {
      settle({ error: error as TerrariumError, notBegun: false })
      return
    }
    settle({ value })
  }

  #take(id: number): Settle {
    const settle = this.#pending.take(id)
    if (settle === undefined) throw new TypeError(`an answer to call ${id}, which is not open`)
    return settle
  }

  #enqueue(frame: HostFrame, bytes: number): void {
    if (this.#closed) return
    this.#outbox.push(frame)
    this.#outboxBytes.push(bytes)
    this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#flushScheduled || this.#outbox.length === 0) return
    this.#flushScheduled = true
    process.nextTick(() => {
      this.#flushScheduled = false
      if (this.#closed || this.#outbox.length === 0 || this.#acknowledged !== this.#sent) return
      this.#write(this.#batch())
    })
  }

  #batch(): HostFrame[] {
    let count = 0
    for (let bytes = 0; count < this.#outbox.length; count++) {
      bytes += this.#outboxBytes[count] ?? 0
      if (count > 0 && bytes > BATCH_BYTES) break
    }
    if (count === this.#outbox.length) {
      const all = this.#outbox
      this.#outbox = []
      this.#outboxBytes = []
      return all
    }
    this.#outboxBytes.splice(0, count)
    return this.#outbox.splice(0, count)
  }

  #write(frames: HostFrame[]): void {
    if (this.#closed) return
    this.#receivedAcknowledged = this.#received
    const seq = frames.length === 0 ? 0 : (this.#sent = after(this.#sent))
    this.#stream.write({ seq, ack: this.#received, frames })
  }
}

/** The number of the next message. A session may live longer than 32 bits last. */
const after = (seq: number): number => (seq === 0xffffffff ? 1 : seq + 1)

/** Throws a TypeError for what no module with tools can offer. */
function toolInfos(tools: readonly Tool[]): ToolInfo[] {
  const names = new Set<string>()
  return tools.map(({ name, isAsync, summary }) => {
    if (name === '' || Array.from(name.slice(0, 2 * LONGEST_NAME + 1)).length > LONGEST_NAME) {
      throw new TypeError(`a tool whose name does not have 1 to ${LONGEST_NAME} characters`)
    }
    if (names.has(name)) throw new TypeError(`two tools named ${name}`)
    names.add(name)
    return { name, isAsync, summary: cut(summary, LONGEST_TEXT) }
  })
}

const cut = (text: string, longest: number): string => (text.length <= longest ? text : `${text.slice(0, longest)}…`)

function explainFailure(failure: Failure, codec: ValueCodec): TerrariumError {
  const { code } = failure
  const [type, message] = [cut(failure.type, LONGEST_TEXT), cut(failure.message, LONGEST_TEXT)]
  const traceback = cut(failure.traceback, LONGEST_TRACEBACK)
  const place = cut(failure.place, LONGEST_TEXT)
  const hint = failure.hint === '' ? undefined : cut(failure.hint, LONGEST_TEXT)
  switch (code) {
    case FailureCode.FAILURE_CODE_TOOL_NOT_FOUND:
      return new TerrariumError('TOOL_NOT_FOUND', message, { hint })
    case FailureCode.FAILURE_CODE_INVALID_ARGUMENT:
      return new TerrariumError('INVALID_ARGUMENT', message, { hint, details: known({ place, type }) })
    case FailureCode.FAILURE_CODE_CANCELLED:
      return new TerrariumError('CANCELLED', message, { hint })
    case FailureCode.FAILURE_CODE_DEADLINE_EXCEEDED:
      return new TerrariumError('DEADLINE_EXCEEDED', message, { hint })
    case FailureCode.FAILURE_CODE_PAYLOAD_TOO_LARGE:
      return new TerrariumError('PAYLOAD_TOO_LARGE', message, { hint, details: known({ place, type }) })
    case FailureCode.FAILURE_CODE_RESULT_NOT_SENDABLE:
      return new TerrariumError('RESULT_NOT_SENDABLE', message, { hint, details: known({ place, type, traceback }) })
    case FailureCode.FAILURE_CODE_PYTHON_ERROR:
    case FailureCode.FAILURE_CODE_UNSPECIFIED:
      return new TerrariumError('PYTHON_ERROR', message === '' ? type : `${type}: ${message}`, {
        hint,
        details: { type, message, traceback, ...attributesOf(failure, codec) },
      })
    default:
      return unknownFailure(code, { type, message, traceback })
  }
}

/** Protocol buffers have no absent strings. */
function known(details: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(details).filter(([, text]) => text !== ''))
}

/**
 * What the exception carries beside its text, but for what cannot be read here: types that are registered in Python
 * alone.
 */
function attributesOf({ attributes }: Failure, codec: ValueCodec): { readonly attributes?: unknown } {
  const sent = attributes.length === 0 ? undefined : read(PLAIN, attributes)
  if (typeof sent !== 'object' || sent === null) return {}
  const values = Object.entries(sent).map(([name, bytes]) => [name, read(codec, bytes)] as const)
  return { attributes: Object.fromEntries(values.filter(([, value]) => value !== undefined)) }
}

/** The value, or undefined. */
function read(codec: ValueCodec, bytes: unknown): unknown {
  if (!(bytes instanceof Uint8Array)) return undefined
  try {
    return codec.decode(inOne(bytes), 'an attribute')
  } catch {
    return undefined
  }
}

/** A newer worker may fail in ways that this host has no code for. */
function unknownFailure(failureCode: number, details: Pick<Failure, 'type' | 'message' | 'traceback'>): TerrariumError {
  return new TerrariumError(
    'PYTHON_ERROR',
    `${details.message} (failure code ${failureCode}, which this host does not know)`,
    {
      hint: 'The worker is newer than this host: use the Node packages and the Python package of one release.',
      details: { ...details, failureCode },
    },
  )
}
