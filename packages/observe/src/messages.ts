// Reads what readers send. Anything but the known messages is answered, and changes nothing.
import type { FromReader, Refusal } from './protocol.ts'

/** Bytes of one message. */
export const MESSAGE_BYTES = 4_096
/** Actors that a reader may watch. */
const WATCHED = 8

export function parseMessage(text: string): FromReader | Refusal {
  if (Buffer.byteLength(text) > MESSAGE_BYTES) return invalid(`a message has at most ${MESSAGE_BYTES} bytes`)
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return invalid('the message is not JSON')
  }
  if (typeof message !== 'object' || message === null) return invalid('the message is no object')
  const { t, ids, seq } = message as Readonly<Record<string, unknown>>
  switch (t) {
    case 'watch':
      return isWatchList(ids) ? { t, ids: [...ids] } : invalid(`watch needs ids: at most ${WATCHED} paths of actors`)
    case 'since':
      return Number.isSafeInteger(seq) ? { t, seq: seq as number } : invalid('since needs seq: a whole number')
    case 'act':
      return refusal('READ_ONLY', 'this reader may only look', 'Use the program itself to change something.')
    default:
      return invalid('the message is of no known kind')
  }
}

const isWatchList = (ids: unknown): ids is readonly string[] =>
  Array.isArray(ids) && ids.length <= WATCHED && ids.every((id) => typeof id === 'string' && id.length <= 400)

const invalid = (message: string): Refusal =>
  refusal('INVALID_ARGUMENT', message, 'Send { "t": "watch", "ids": [] } or { "t": "since", "seq": 0 }.')

export const refusal = (code: string, message: string, hint: string): Refusal => ({ t: 'error', code, message, hint })
