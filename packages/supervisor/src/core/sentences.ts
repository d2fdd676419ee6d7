// Words for what the core knows: amounts, failures and lists.
import { plainError } from '../base/plain-error.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { ParkCause } from '../policy/breaker.ts'
import type { FailureJson } from '../policy/failure.ts'

/** In characters. */
const LONGEST_ERROR = 200
/** The number of ids that a sentence names at most. */
const MOST_NAMED = 10

/** A time, with thousands apart: `30,000 ms`. */
export function ms(time: number): string {
  return `${String(Math.max(0, Math.round(time))).replace(/\B(?=(\d{3})+$)/g, ',')} ms`
}

/** `once`, `twice`, `3 times`. */
export function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`
}

/** `a`, `a and b`, `a, b and c`. */
export function list(ids: readonly string[]): string {
  const shown = ids.length > MOST_NAMED ? [...ids.slice(0, MOST_NAMED - 1), `${ids.length - MOST_NAMED + 1} more`] : ids
  const last = shown.at(-1) ?? ''
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`
}

/** The first line of an error: `Error: boom`. */
function errorText(error: unknown): string {
  const { name, message } = plainError(error)
  const [line = ''] = message.split('\n')
  const text = line === '' ? name : `${name}: ${line}`
  return text.length > LONGEST_ERROR ? `${text.slice(0, LONGEST_ERROR)}…` : text
}

/** How an actor ended: `ended normally`, `failed with Error: boom`. */
export function exitText(reason: ExitReason): string {
  switch (reason.type) {
    case 'normal':
      return 'ended normally'
    case 'shutdown':
      return 'shut down'
    case 'killed':
      return 'was killed'
    case 'error':
      return `failed with ${errorText(reason.error)}`
  }
}

/** Why a child is parked, after "because". */
export const PARKED_BECAUSE: Readonly<Record<ParkCause, string>> = {
  configuration: 'its configuration is wrong',
  identical_failures: 'it failed again and again in the same way before it was ready',
  unstable: 'it was never stable',
  exhausted: 'its attempts are used up',
  strategy: 'the restart strategy has decided so',
  request: 'it was asked for',
}

/** `db is parked by hand: the disk is replaced`. */
export const parkedByHand = (id: string, because: string | undefined): string =>
  `${id} is parked by hand${because === undefined ? '' : `: ${because}`}`

/** The failure in a few words: `Error: boom (transient)`. */
export function failureText({ error, class: kind }: Pick<FailureJson, 'class'> & { readonly error: unknown }): string {
  return kind === 'unknown' ? errorText(error) : `${errorText(error)} (${kind})`
}
