// Reads what a reader sends: whatever has the token may send anything, so each message is checked by its form.
import { MESSAGE_BYTES, WATCHED } from './limits.ts'
import type { Act, Ask, FromReader, Refusal, Verb } from './protocol.ts'

/** Every verb of `act`. */
export const VERBS: readonly Verb[] = ['restart', 'park', 'unpark', 'kill', 'pause', 'resume', 'drain', 'reload']
const CODE = /^[A-Z_]{1,40}$/
/** Characters of a path, and of the message of an imagined failure or a token. */
const PATH = 400
const TEXT = 1_000

/** The message, or the refusal to answer with. `mayAct`: whether readers may do more than look. Never throws. */
export function readMessage(text: string, mayAct = false): FromReader | Refusal {
  if (bytesOf(text) > MESSAGE_BYTES) return invalid(`a message has at most ${MESSAGE_BYTES} bytes`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return invalid('the message is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null) return invalid('the message is not an object')
  const fields = parsed as Readonly<Record<string, unknown>>
  const { t, ids, seq } = fields
  switch (t) {
    case 'since':
      return isCount(seq) ? { t, seq } : invalid('seq of since is not a whole number')
    case 'watch':
      return isIds(ids) ? { t, ids } : invalid(`ids of watch are not up to ${WATCHED} different texts`)
    case 'ask':
      return readAsk(fields) ?? invalid('ask needs an id, and what: explain, whatIf, system or sweeps, with its fields')
    case 'act':
      if (mayAct) return readAct(fields) ?? invalid('act needs an id, a verb, an actor and a token')
      return refusal('READ_ONLY', 'this reader may only look', 'Use the program itself to change something.')
    default:
      return invalid('the message is of no kind that is known')
  }
}

function readAsk({ id, what, actor, error, code, phase }: Readonly<Record<string, unknown>>): Ask | undefined {
  if (!isCount(id)) return undefined
  if (what === 'system' || what === 'sweeps') return { t: 'ask', id, what }
  if (!isText(actor, PATH)) return undefined
  if (what === 'explain') return { t: 'ask', id, what, actor }
  if (what !== 'whatIf' || !isText(error, TEXT)) return undefined
  const known = typeof code === 'string' && CODE.test(code) ? code : undefined
  const when = (['start', 'run'] as const).find((each) => each === phase)
  if ((code !== undefined && known === undefined) || (phase !== undefined && when === undefined)) return undefined
  return { t: 'ask', id, what, actor, error, ...(known && { code: known }), ...(when && { phase: when }) }
}

function readAct({ id, verb, actor, token }: Readonly<Record<string, unknown>>): Act | undefined {
  const known = VERBS.find((each) => each === verb)
  if (known === undefined || !isCount(id) || !isText(actor, PATH) || !isText(token, TEXT)) return undefined
  return { t: 'act', id, verb: known, actor, token }
}

export const refusal = (code: string, message: string, hint: string): Refusal => ({ t: 'error', code, message, hint })

const invalid = (message: string): Refusal =>
  refusal('INVALID_ARGUMENT', message, 'Send {"t":"watch","ids":[…]} or {"t":"since","seq":n}.')

/** A text that is too long is not encoded. */
const bytesOf = (text: string): number =>
  text.length > MESSAGE_BYTES ? text.length : new TextEncoder().encode(text).length

const isText = (value: unknown, most: number): value is string => typeof value === 'string' && value.length <= most

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isIds = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length <= WATCHED &&
  value.every((id) => typeof id === 'string') &&
  new Set(value).size === value.length
