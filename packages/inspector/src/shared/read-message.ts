// Reads what a page sends: whatever has the token may send anything, so each message is checked by its form.
import { MESSAGE_BYTES, WATCHED } from './limits.ts'
import type { FromPage, Refusal } from './protocol.ts'

const refusal = (message: string): Refusal => ({
  t: 'error',
  code: 'INVALID_ARGUMENT',
  message,
  hint: 'Send {"t":"watch","ids":[…]} or {"t":"since","seq":n}, as the page of the inspector does.',
})

/** The message, or the refusal to answer with. Never throws. */
export function readMessage(text: string): FromPage | Refusal {
  if (text.length > MESSAGE_BYTES) return refusal(`a message has at most ${MESSAGE_BYTES} bytes`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return refusal('the message is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null) return refusal('the message is not an object')
  const { t, ids, seq } = parsed as Readonly<Record<string, unknown>>
  if (t === 'since') return isCount(seq) ? { t, seq } : refusal('seq of since is not a whole number')
  if (t !== 'watch') return refusal('the message is of no kind that is known')
  return isIds(ids) ? { t, ids } : refusal(`ids of watch are not up to ${WATCHED} different texts`)
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isIds = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length <= WATCHED &&
  value.every((id) => typeof id === 'string') &&
  new Set(value).size === value.length
