// What the contenders of the wire suite are sent.
import { createHash } from 'node:crypto'

/** Payloads that differ, so that an answer meant for another call is noticed. */
const PAYLOADS = 251
/** Of all payloads of a row together, in bytes. */
const MOST_BYTES = 2 ** 25

/** Payloads of this length. Letters and digits, which are one byte each in every form. */
export function payloadsOf(seed: number, bytes: number): Buffer[] {
  const count = Math.max(1, Math.min(PAYLOADS, Math.floor(MOST_BYTES / bytes)))
  const hex = createHash('shake256', { outputLength: Math.ceil((count * bytes) / 2) })
    .update(`wire ${seed}`)
    .digest('hex')
  const all = Buffer.from(hex, 'latin1')
  return Array.from({ length: count }, (_, index) => all.subarray(index * bytes, (index + 1) * bytes))
}
