// Reads what a reader sends: whatever has the token may send anything, so each message is checked by its form.
import { MESSAGE_BYTES, WATCHED } from './limits.ts'
import type { FromReader, Refusal } from './protocol.ts'

/** The message, or the refusal to answer with. Never throws. */
export function readMessage(text: string): FromReader | Refusal {
  if (bytesOf(text) > MESSAGE_BYTES) return invalid(`a message has at most ${MESSAGE_BYTES} bytes`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return invalid('the message is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null) return invalid('the message is not an object')
  const { t, ids, seq } = parsed as Readonly<Record<string, unknown>>
  switch (t) {
    case 'since':
      return isCount(seq) ? { t, seq } : invalid('seq of since is not a whole number')
    case 'watch':
      return isIds(ids) ? { t, ids } : invalid(`ids of watch are not up to ${WATCHED} different texts`)
    case 'act':
      return refusal('READ_ONLY', 'this reader may only look', 'Use the program itself to change something.')
    default:
      return invalid('the message is of no kind that is known')
  }
}

export const refusal = (code: string, message: string, hint: string): Refusal => ({ t: 'error', code, message, hint })

const invalid = (message: string): Refusal =>
  refusal('INVALID_ARGUMENT', message, 'Send {"t":"watch","ids":[…]} or {"t":"since","seq":n}.')

/** A text that is too long is not encoded. */
const bytesOf = (text: string): number =>
  text.length > MESSAGE_BYTES ? text.length : new TextEncoder().encode(text).length

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isIds = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length <= WATCHED &&
  value.every((id) => typeof id === 'string') &&
  new Set(value).size === value.length
