// The values of calls and results, as bytes. To add a type of value, change `wire.ts` (its extension number),
// `encoder.ts`, `decoder.ts` and their three counterparts in `python/src/terrarium/_values`, and add its rows to
// `docs/values.json`: both codecs are tested against that table, and `npm run generate` makes `docs/values.md` from it.
import { Checker } from '@terrarium/supervisor/base'
import { Decoder } from './decoder.ts'
import { inOne, type EncodedValue } from './encoded-value.ts'
import { Encoder } from './encoder.ts'
import type { Refusal } from './refusal.ts'
import { checkTypes, Registry, type ValueType } from './registry.ts'

/** Encodes and decodes values. `docs/values.md` lists all values and what each is in Python. */
export class ValueCodec {
  readonly #encoder: Encoder
  readonly #decoder: Decoder

  /** `types`: the application's own types. Throws INVALID_ARGUMENT, naming every mistake. */
  constructor(types: readonly ValueType[] = []) {
    const check = new Checker()
    checkTypes(check, 'types', types)
    check.finish('codec')
    const registry = new Registry(types)
    this.#encoder = new Encoder(registry)
    this.#decoder = new Decoder(registry)
  }

  /**
   * Encodes a value. `subject`: what the value is, for errors. `apart` (default false): whether bytes and arrays of
   * 64 KiB or more become segments, which are not copied: leave their memory as it is until they are sent. Throws
   * INVALID_ARGUMENT with the place of a part that cannot be sent, and PAYLOAD_TOO_LARGE for a value that does not fit
   * into a message (256 MiB).
   */
  encode(value: unknown, subject = 'the value', { apart = false } = {}): EncodedValue {
    try {
      return this.#encoder.encode(value, apart)
    } catch (refusal) {
      throw (refusal as Refusal).toError(subject)
    }
  }

  /** Encodes the arguments of a tool, as {@link encode}. */
  encodeArguments(tool: string, args: unknown, apart: boolean): EncodedValue {
    try {
      return this.#encoder.encode(args, apart)
    } catch (refusal) {
      throw (refusal as Refusal).toError(`the arguments of ${tool.slice(0, 128)}`)
    }
  }

  /**
   * Decodes a value. `subject`: what the value is, for errors. A segment that is all of its memory is handed on as it
   * is; any other segment is copied. Throws RESULT_NOT_SENDABLE.
   */
  decode(encoded: EncodedValue, subject = 'the value'): unknown {
    try {
      return this.#decoder.decode(encoded)
    } catch (refusal) {
      throw (refusal as Refusal).toError(subject, 'RESULT_NOT_SENDABLE')
    }
  }

  /** Decodes a value without segments that is in these bytes from `start` to `end`, as {@link decode}. */
  decodePart(bytes: Buffer, start: number, end: number, subject: string): unknown {
    try {
      return this.#decoder.decodePart(bytes, start, end)
    } catch (refusal) {
      throw (refusal as Refusal).toError(subject, 'RESULT_NOT_SENDABLE')
    }
  }
}

/** A codec without registered types. */
export const PLAIN = new ValueCodec()

/** Encodes a value without registered types and without segments; see {@link ValueCodec.encode}. */
export const encode = (value: unknown): Buffer => PLAIN.encode(value).bytes

/** Decodes what {@link encode} returns; see {@link ValueCodec.decode}. */
export const decode = (bytes: Uint8Array): unknown => PLAIN.decode(inOne(bytes))
