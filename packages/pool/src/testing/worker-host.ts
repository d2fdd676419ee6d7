// What the tools of a test call of their host, as `_host.py` and `_host_calls.py` do in Python. The frames are those of
// a real worker.
import { messageOf } from '@terrarium/supervisor/base'
import {
  decode,
  FAILURE_CODE,
  ITEM_OVERHEAD,
  STREAM_WINDOW,
  type EncodedValue,
  type HostFailureFrame,
  type HostItemFrame,
  type HostResultFrame,
  type ValueCodec,
  type WorkerFrame,
} from '@terrarium/worker'

export interface TestHostOptions {
  /** The time of the host call, in ms. Default: the time of its call. */
  readonly timeout?: number
}

/** The functions of the host, as a tool of a test calls them. Failures are errors named `terrarium.HostError`. */
export interface TestHost {
  /** As `host.call` and `host.acall`: keyword arguments in an object, positional ones in an array. */
  readonly call: (name: string, args?: object, options?: TestHostOptions) => Promise<unknown>
  /** As `host.stream` and `host.astream`. */
  readonly stream: (name: string, args?: object, options?: TestHostOptions) => AsyncGenerator<unknown, undefined>
}

type Answer = HostResultFrame | HostFailureFrame

interface OpenHostCall {
  readonly items: HostItemFrame[]
  answer: Answer | undefined
  wake: () => void
}

/** The error of a host call, as `terrarium.HostError` in Python. */
export class HostCallError extends Error {
  override readonly name = 'terrarium.HostError'
  readonly code: string
  readonly type: string
  readonly details: unknown
  /** Of the host call, for the cause of what the caller is told. */
  readonly #number: number

  constructor({ id, code, type, message, place, attributes }: HostFailureFrame) {
    super(type === '' ? message : `${type}: ${message}`)
    const sent = attributes.length === 0 ? {} : (decode(attributes) as Readonly<Record<string, Uint8Array>>)
    const read = Object.fromEntries(Object.entries(sent).map(([name, bytes]) => [name, decode(bytes)]))
    const names = Object.entries(FAILURE_CODE).flatMap(([name, number]) => (number === code ? [name] : []))
    const known = CODES[names[0] ?? ''] ?? names[0] ?? 'HOST_ERROR'
    this.code = code === FAILURE_CODE.PYTHON_ERROR && typeof read.code === 'string' ? read.code : known
    this.type = type
    this.details = { ...(read.details as object | undefined), ...(place === '' ? {} : { place }) }
    this.#number = id
  }

  /** The host call whose failure the error is, or was made from; 0: none. */
  static numberBehind(error: unknown): number {
    for (let each = error; each instanceof Error; each = each.cause) {
      if (each instanceof HostCallError) return each.#number
    }
    return 0
  }
}

const CODES: Readonly<Record<string, string>> = { PYTHON_ERROR: 'HOST_ERROR', TOOL_NOT_FOUND: 'NOT_EXPOSED' }

export class WorkerHost {
  readonly #codec: ValueCodec
  readonly #say: (frame: WorkerFrame) => void
  readonly #open = new Map<number, OpenHostCall>()
  #last = 0

  constructor(codec: ValueCodec, say: (frame: WorkerFrame) => void) {
    this.#codec = codec
    this.#say = say
  }

  /** The host as the tool of this call sees it. */
  of(call: number): TestHost {
    return {
      call: (name, args, options) => this.#call(call, name, args, options),
      stream: (name, args, options) => this.#stream(call, name, args, options),
    }
  }

  heard(frame: Answer | HostItemFrame): void {
    const hostCall = this.#open.get(frame.id)
    if (hostCall === undefined) return
    if (frame.kind === 'hostItem') hostCall.items.push(frame)
    else {
      this.#open.delete(frame.id)
      hostCall.answer = frame
    }
    hostCall.wake()
  }

  #begin(call: number, name: string, args: object, { timeout }: TestHostOptions, isStream: boolean): number {
    const body = this.#codec.encode([name, args, timeout ?? null], `the arguments of ${name}`)
    this.#last += 1
    this.#open.set(this.#last, { items: [], answer: undefined, wake: () => undefined })
    this.#say({ kind: 'hostCall', id: this.#last, call, isStream, body: received(body) })
    return this.#last
  }

  async #call(call: number, name: string, args: object = {}, options: TestHostOptions = {}): Promise<unknown> {
    const hostCall = this.#open.get(this.#begin(call, name, args, options, false)) as OpenHostCall
    while (hostCall.answer === undefined) await new Promise<void>((resolve) => (hostCall.wake = resolve))
    return this.#valueOf(hostCall.answer)
  }

  async *#stream(
    call: number,
    name: string,
    args: object = {},
    options: TestHostOptions = {},
  ): AsyncGenerator<unknown, undefined> {
    const id = this.#begin(call, name, args, options, true)
    const hostCall = this.#open.get(id) as OpenHostCall
    let taken = 0
    try {
      for (;;) {
        const item = hostCall.items.shift()
        if (item !== undefined) {
          taken += item.value.bytes.length + ITEM_OVERHEAD
          if (taken >= STREAM_WINDOW / 2 && hostCall.answer === undefined) {
            this.#say({ kind: 'hostCredit', id, bytes: taken })
            taken = 0
          }
          yield this.#codec.decode(received(item.value))
        } else if (hostCall.answer !== undefined) {
          this.#valueOf(hostCall.answer)
          return undefined
        } else await new Promise<void>((resolve) => (hostCall.wake = resolve))
      }
    } finally {
      if (hostCall.answer === undefined) this.#say({ kind: 'hostCancel', id })
    }
  }

  #valueOf(answer: Answer): unknown {
    if (answer.kind === 'hostFailure') throw new HostCallError(answer)
    try {
      return this.#codec.decode(received(answer.value))
    } catch (cause) {
      throw new Error(messageOf(cause), { cause })
    }
  }
}

/** In memory of its own, as a process receives it. */
const received = ({ bytes, segments }: EncodedValue): EncodedValue => ({
  bytes: Buffer.from(bytes),
  segments: segments.map((segment) => Buffer.from(segment)),
})
