// The host calls of one session: the tools of its worker call functions of the host. Each host call has one answer. Who
// serves them, and how, is decided elsewhere: see `serve`.
import { TerrariumError } from '@terrarium/supervisor/base'
import {
  FAILURE_CODE,
  ITEM_OVERHEAD,
  STREAM_WINDOW,
  type HostCallFrame,
  type HostCancelFrame,
  type HostCreditFrame,
  type HostFrame,
} from './frame.ts'
import { thrownIn } from './thrown.ts'
import type { ValueCodec } from './values/codec.ts'
import { sizeOf } from './values/encoded-value.ts'

/** So many host calls of one worker may be open at a time. One more is refused. */
export const HOST_CALL_LIMIT = 1024
/** So many errors of one call are remembered, for the cause of its own error. */
const REMEMBERED = 16

/** Why a host call has no value: a code of the wire. */
export type HostFailureCode = Exclude<keyof typeof FAILURE_CODE, 'RESULT_NOT_SENDABLE' | 'PAYLOAD_TOO_LARGE'>

/** What a session lends to its host calls. */
export interface HostCallsDependencies {
  readonly codec: ValueCodec
  /** Whether long values may travel apart. */
  readonly apart: boolean
  readonly send: (frame: HostFrame) => void
}

/** One host call, from its arrival to its answer. After its answer nothing that is said of it is sent. */
export class HostCall {
  /** The worker's number of it. */
  readonly id: number
  /** The id of the call on whose behalf it is made. It need not be open any more. */
  readonly call: number
  readonly name: string
  /** Keyword arguments in an object, or positional ones in an array. */
  readonly args: unknown
  /** Its own time in ms; 0: none. */
  readonly timeout: number
  /** The items of the function are wanted. */
  readonly isStream: boolean
  /** Called when the tool wants no answer and no further items. The host call is answered all the same. */
  cancelled: () => void = () => undefined
  readonly #dependencies: HostCallsDependencies
  readonly #ended: (hostCall: HostCall, error: unknown) => void
  #isOpen = true
  #credit = STREAM_WINDOW
  #wake: (() => void) | undefined

  constructor(
    frame: HostCallFrame,
    asked: readonly [string, unknown, number],
    dependencies: HostCallsDependencies,
    ended: (hostCall: HostCall, error: unknown) => void,
  ) {
    this.id = frame.id
    this.call = frame.call
    this.isStream = frame.isStream
    ;[this.name, this.args, this.timeout] = asked
    this.#dependencies = dependencies
    this.#ended = ended
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Answers with a value; with the reason, if the value cannot be sent. */
  resolve(value: unknown): void {
    if (!this.#isOpen) return
    const { codec, apart, send } = this.#dependencies
    let encoded
    try {
      encoded = codec.encode(value ?? null, `the value of ${this.name}`, { apart })
    } catch (error) {
      this.#notSendable(error)
      return
    }
    this.#end(undefined)
    send({ kind: 'hostResult', id: this.id, value: encoded })
  }

  reject(code: HostFailureCode, error: unknown): void {
    if (!this.#isOpen) return
    const { codec, send } = this.#dependencies
    this.#end(error)
    send({ kind: 'hostFailure', id: this.id, code: FAILURE_CODE[code], ...thrownIn(error, codec) })
  }

  #notSendable(error: unknown): void {
    const { codec, send } = this.#dependencies
    const isTooLarge = error instanceof TerrariumError && error.code === 'PAYLOAD_TOO_LARGE'
    const code = FAILURE_CODE[isTooLarge ? 'PAYLOAD_TOO_LARGE' : 'RESULT_NOT_SENDABLE']
    this.#end(error)
    send({ kind: 'hostFailure', id: this.id, code, ...thrownIn(error, codec) })
  }

  /** Sends an item, if that can be. Resolves when there is credit for the next one. Returns whether more is wanted. */
  async item(value: unknown): Promise<boolean> {
    if (!this.#isOpen) return false
    const { codec, apart, send } = this.#dependencies
    try {
      const encoded = codec.encode(value ?? null, `an item of ${this.name}`, { apart })
      this.#credit -= sizeOf(encoded) + ITEM_OVERHEAD
      send({ kind: 'hostItem', id: this.id, value: encoded })
    } catch (error) {
      this.#notSendable(error)
      return false
    }
    while (this.isOpen && this.#credit <= 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.isOpen
  }

  /** The worker lets more items come. */
  credit(bytes: number): void {
    this.#credit += bytes
    this.#wake?.()
  }

  #end(error: unknown): void {
    this.#isOpen = false
    this.#wake?.()
    this.#ended(this, error)
  }
}

export class HostCalls {
  /** Takes each host call. Default: there are no functions. */
  serve: (hostCall: HostCall) => void = (hostCall) => {
    const message = `no function is named ${hostCall.name}: this host has none`
    hostCall.reject('TOOL_NOT_FOUND', new TerrariumError('TOOL_NOT_FOUND', message))
  }
  readonly #dependencies: HostCallsDependencies
  readonly #open = new Map<number, HostCall>()
  /** The errors of host calls that have failed, by the call and the number of the host call. */
  readonly #errors = new Map<number, Map<number, unknown>>()

  constructor(dependencies: HostCallsDependencies) {
    this.#dependencies = dependencies
  }

  /** Whether anything is remembered of a call that has an answer now. */
  get remembers(): boolean {
    return this.#errors.size > 0
  }

  /** Takes a frame of the worker. Throws a TypeError on what the protocol does not allow. */
  receive(frame: HostCallFrame | HostCancelFrame | HostCreditFrame): void {
    if (frame.kind === 'hostCall') this.#begin(frame)
    else if (frame.kind === 'hostCancel') this.#open.get(frame.id)?.cancelled()
    else this.#credit(frame)
  }

  /** The error of a host call of this call; undefined if there is none. */
  errorOf(call: number, id: number): unknown {
    return id === 0 ? undefined : this.#errors.get(call)?.get(id)
  }

  /** The call has its answer. */
  forget(call: number): void {
    this.#errors.delete(call)
  }

  #begin(frame: HostCallFrame): void {
    const { id } = frame
    if (id === 0) throw new TypeError('a host call with number 0')
    if (this.#open.has(id)) throw new TypeError(`a host call with number ${id}, which is open`)
    const ended = (hostCall: HostCall, error: unknown): void => {
      this.#open.delete(hostCall.id)
      if (error !== undefined) this.#remember(hostCall, error)
    }
    let asked: unknown
    try {
      asked = this.#dependencies.codec.decode(frame.body, 'the arguments of a host call')
    } catch (error) {
      new HostCall(frame, ['', undefined, 0], this.#dependencies, ended).reject('INVALID_ARGUMENT', error)
      return
    }
    const hostCall = new HostCall(frame, askedIn(asked), this.#dependencies, ended)
    if (this.#open.size >= HOST_CALL_LIMIT) {
      const message = `${HOST_CALL_LIMIT} host calls of this worker are open already`
      const hint = 'Make fewer host calls at once.'
      const details = { limit: HOST_CALL_LIMIT }
      hostCall.reject('POOL_SATURATED', new TerrariumError('POOL_SATURATED', message, { hint, details }))
      return
    }
    this.#open.set(id, hostCall)
    this.serve(hostCall)
  }

  #credit({ id, bytes }: HostCreditFrame): void {
    if (bytes === 0) throw new TypeError('a HostCredit of 0 bytes')
    const hostCall = this.#open.get(id)
    if (hostCall === undefined) return // it crossed the answer
    if (!hostCall.isStream) throw new TypeError(`a HostCredit for host call ${id}, whose items are not wanted`)
    hostCall.credit(bytes)
  }

  #remember({ call, id }: HostCall, error: unknown): void {
    let errors = this.#errors.get(call)
    if (errors === undefined) {
      errors = new Map<number, unknown>()
      this.#errors.set(call, errors)
    }
    errors.set(id, error)
    for (const oldest of errors.keys()) {
      if (errors.size <= REMEMBERED) break
      errors.delete(oldest)
    }
  }
}

/** Name, arguments and time. Throws a TypeError for a body of another form. */
function askedIn(body: unknown): readonly [string, unknown, number] {
  if (!Array.isArray(body)) throw new TypeError('a HostCall that is no array')
  const [name, args, timeout = null, ...others] = body as readonly unknown[]
  if (typeof name !== 'string' || others.length > 0 || body.length < 2) {
    throw new TypeError('a HostCall that is not name, arguments and time')
  }
  if (args !== null && !Array.isArray(args) && !isMap(args)) {
    throw new TypeError('a HostCall whose arguments are neither a map nor an array')
  }
  if (timeout !== null && !(typeof timeout === 'number' && timeout > 0)) {
    throw new TypeError('a HostCall with a time that is no number of ms')
  }
  return [name, args ?? {}, timeout ?? 0]
}

const isMap = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && [null, Object.prototype].includes(Object.getPrototypeOf(value) as null)
