import { Checker } from '@terrarium/supervisor/base'
import { Decoder } from './decoder.ts'
import { Encoder } from './encoder.ts'
import type { Refusal } from './refusal.ts'
import { checkTypes, Registry, type ValueType } from './registry.ts'

/**
 * Makes bytes of values and values of bytes. `docs/values.md` says which values there are, and what they are in Python.
 */
export class ValueCodec {
  readonly #registry: Registry
  readonly #encoder: Encoder

  /** With types of the application's own. Throws INVALID_ARGUMENT, naming every mistake. */
  constructor(types: readonly ValueType[] = []) {
    const check = new Checker()
    checkTypes(check, 'types', types)
    check.finish('codec')
    this.#registry = new Registry(types)
    this.#encoder = new Encoder(this.#registry)
  }

  /**
   * `subject` says in errors what the value is. Throws INVALID_ARGUMENT with the place of what cannot be sent, and
   * PAYLOAD_TOO_LARGE for a value that no message can carry.
   */
  encode(value: unknown, subject = 'the value'): Buffer {
    try {
      return this.#encoder.encode(value)
    } catch (refusal) {
      throw (refusal as Refusal).toError(subject)
    }
  }

  /** `subject` says in errors what the value is. Throws RESULT_NOT_SENDABLE. */
  decode(bytes: Uint8Array, subject = 'the value'): unknown {
    try {
      return new Decoder(bytes, this.#registry).decode()
    } catch (refusal) {
      throw (refusal as Refusal).toError(subject, 'RESULT_NOT_SENDABLE')
    }
  }
}

/** A codec without registered types. */
export const PLAIN = new ValueCodec()

/** As {@link ValueCodec.encode}, without registered types. */
export const encode = (value: unknown): Buffer => PLAIN.encode(value)

/** As {@link ValueCodec.decode}, without registered types. */
export const decode = (bytes: Uint8Array): unknown => PLAIN.decode(bytes)
