// The bodies that are msgpack maps: Hello, Ready and Failure of a worker, Welcome and Refused of a host. A key that is
// not known is ignored, and an absent one is empty, so that later versions can add keys.
import { messageOf } from '@terrarium/supervisor/base'
import type { FailureFrame, HelloFrame, HostFailureFrame, ProgressFrame, ReadyFrame, ToolInfo } from '../frame.ts'
import { encode, PLAIN } from '../values/codec.ts'
import { inOne } from '../values/encoded-value.ts'
import { PROTOCOL_VERSION } from '../version.ts'

/** Throws a TypeError, like all that read here, for a body of another form. */
export function helloIn(bytes: Buffer): HelloFrame {
  const map = new Fields('a Hello', bytes)
  return {
    kind: 'hello',
    version: PROTOCOL_VERSION, // as the preamble said
    token: map.text('token'),
    pid: map.number('pid'),
    packageVersion: map.text('package'),
    pythonVersion: map.text('python'),
    reportsBegun: map.flag('begun'),
  }
}

export function readyIn(bytes: Buffer): ReadyFrame {
  const tools = new Fields('a Ready', bytes).list('tools').map((tool): ToolInfo => {
    const map = new Fields('a tool in Ready', tool)
    const more = {
      signature: map.text('signature'),
      doc: map.text('doc'),
      kind: map.text('kind'),
      batch: map.number('batch'),
    }
    const told = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== '' && value !== 0))
    const [isAsync, isStream] = [map.flag('isAsync'), map.flag('isStream')]
    return { name: map.text('name'), isAsync, isStream, summary: map.text('summary'), ...told }
  })
  return { kind: 'ready', tools }
}

export function failureIn(bytes: Buffer, id: number, code: number): FailureFrame {
  const map = new Fields('a Failure', bytes)
  return {
    kind: 'failure',
    id,
    code,
    type: map.text('type'),
    message: map.text('message'),
    traceback: map.text('traceback'),
    hint: map.text('hint'),
    place: map.text('place'),
    notBegun: map.flag('notBegun'),
    attributes: map.bytes('attributes'),
    hostCall: map.number('hostCall'),
  }
}

export function progressIn(bytes: Buffer, id: number): ProgressFrame {
  const map = new Fields('a Progress', bytes)
  const [done, total] = [map.anyNumber('done'), map.anyNumber('total')]
  return { kind: 'progress', id, done, total, text: map.text('text') }
}

export const welcomeBody = (maxBytes: number): Buffer => encode({ maxBytes })

/** Texts of an error may be as long as the error likes: they are cut. */
export const feedEndBody = ({ type, message }: { readonly type: string; readonly message: string }): Buffer =>
  encode({ type, message })

/** Empty fields are left out. */
export function hostFailureBody({ type, message, traceback, hint, place, attributes }: HostFailureFrame): Buffer {
  const fields = Object.entries({ type, message, traceback, hint, place, attributes })
  return encode(Object.fromEntries(fields.filter(([, value]) => value.length > 0)))
}

export const sessionOpenBody = (id: string): Buffer => encode({ id })

export const refusedBody = (message: string): Buffer => encode({ message })

const NOTHING = new Uint8Array()

/** A map, read key by key. */
class Fields {
  readonly #what: string
  readonly #map: Readonly<Record<string, unknown>>

  /** `given`: the map, or it as msgpack. */
  constructor(what: string, given: unknown) {
    this.#what = what
    const map = given instanceof Uint8Array ? read(what, given) : given
    if (!isMap(map)) throw new TypeError(`${what} that is no map`)
    this.#map = map
  }

  text(key: string): string {
    return this.#get(key, '', (value) => typeof value === 'string')
  }

  flag(key: string): boolean {
    return this.#get(key, false, (value) => typeof value === 'boolean')
  }

  number(key: string): number {
    return this.#get(key, 0, (value) => Number.isSafeInteger(value) && (value as number) >= 0)
  }

  /** Null if it is nil or missing. */
  anyNumber(key: string): number | null {
    return this.#get<number | null>(key, null, (value) => value === null || typeof value === 'number')
  }

  bytes(key: string): Uint8Array {
    return this.#get(key, NOTHING, (value) => value instanceof Uint8Array)
  }

  list(key: string): readonly unknown[] {
    return this.#get<readonly unknown[]>(key, [], Array.isArray)
  }

  #get<T>(key: string, absent: T, isValid: (value: unknown) => boolean): T {
    if (!Object.hasOwn(this.#map, key)) return absent
    const value = this.#map[key]
    if (!isValid(value)) throw new TypeError(`${this.#what} whose ${key} is of another type`)
    return value as T
  }
}

function read(what: string, bytes: Uint8Array): unknown {
  try {
    return PLAIN.decode(inOne(bytes), what)
  } catch (error) {
    throw new TypeError(messageOf(error), { cause: error })
  }
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && [null, Object.prototype].includes(Object.getPrototypeOf(value) as null)
