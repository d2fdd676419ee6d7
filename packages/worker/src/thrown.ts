// What is told of a value that JavaScript code has thrown: what `_failure.py` makes of an exception in Python.
import { isTerrariumError, messageOf } from '@terrarium/supervisor/base'
import type { FailureFrame } from './frame.ts'
import { encode, type ValueCodec } from './values/codec.ts'

/** What is sent of a thrown value. */
export type Thrown = Pick<FailureFrame, 'type' | 'message' | 'traceback' | 'hint' | 'place' | 'attributes'>

/** In UTF-16 code units. */
const LONGEST_MESSAGE = 8 * 1024
const LONGEST_STACK = 64 * 1024
const LONGEST_TYPE = 512
/** In bytes. */
const LONGEST_ATTRIBUTE = 16 * 1024
const LONGEST_ATTRIBUTES = 64 * 1024

/** Fields of an error that are told otherwise. */
const TOLD = new Set(['name', 'message', 'stack', 'cause', 'hint'])

const NOTHING = Buffer.alloc(0)

/** Never throws, whatever was thrown. */
export function thrownIn(thrown: unknown, codec: ValueCodec): Thrown {
  try {
    const { name, message, stack } = thrown instanceof Error ? thrown : new Error(messageOf(thrown))
    const { hint = '', details = {} } = isTerrariumError(thrown) ? thrown : {}
    const { place } = details as { readonly place?: unknown }
    return {
      type: text(name, LONGEST_TYPE),
      message: text(message, LONGEST_MESSAGE),
      traceback: text(stack, LONGEST_STACK),
      hint: text(hint, LONGEST_MESSAGE),
      place: text(place, LONGEST_MESSAGE),
      attributes: attributesOf(thrown, codec),
    }
  } catch {
    const message = 'an error that cannot be looked at'
    return { type: 'Error', message, traceback: '', hint: '', place: '', attributes: NOTHING }
  }
}

/** Lone surrogates, which cannot be sent, become U+FFFD. */
const text = (value: unknown, longest: number): string =>
  typeof value === 'string' ? Buffer.from(value.slice(0, longest)).toString() : ''

/** The fields of an error that can be sent, each encoded by itself: a field that cannot be read hides no other. */
function attributesOf(thrown: unknown, codec: ValueCodec): Uint8Array {
  if (typeof thrown !== 'object' || thrown === null) return NOTHING
  let left = LONGEST_ATTRIBUTES
  const sent = Object.entries(thrown).flatMap(([name, value]: [string, unknown]) => {
    if (TOLD.has(name) || name.startsWith('_') || value === undefined || value === null) return []
    try {
      const { bytes } = codec.encode(value)
      if (bytes.length > Math.min(left, LONGEST_ATTRIBUTE)) return []
      left -= bytes.length + name.length
      return [[name, bytes] as const]
    } catch {
      return []
    }
  })
  return sent.length === 0 ? NOTHING : encode(Object.fromEntries(sent))
}
