// The events of the bus: their types, their facts, and what each event has beside these.
import type { ExitReason } from '@terrarium/supervisor'
import { isTerrariumError, messageOf } from '@terrarium/supervisor/base'

/** Why an actor ended, as plain data. */
export interface ReasonFacts {
  readonly type: ExitReason['type']
  /** Of an error. */
  readonly message?: string
  /** Of a TerrariumError. */
  readonly code?: string
  readonly hint?: string
}

export interface ParkFacts {
  readonly message: string
  readonly code?: string
  readonly hint?: string
}

/** The facts of each type of event. Delays in ms. */
export interface EventFacts {
  'worker.start': { readonly incarnation: number }
  'worker.ready': { readonly pid: number; readonly tools: number }
  'worker.exit': { readonly pid?: number; readonly reason: ReasonFacts }
  'worker.backoff': { readonly delay: number; readonly attempt: number }
  'worker.parked': ParkFacts
  'worker.unparked': Readonly<Record<string, never>>
  'call.retry': { readonly tool: string; readonly attempts: number }
  'session.lost': { readonly session: string; readonly reason: string }
  'child.start': { readonly incarnation: number; readonly resumed: boolean }
  'child.ready': { readonly incarnation: number }
  'child.exit': { readonly incarnation: number; readonly reason: ReasonFacts }
  'child.backoff': { readonly incarnation: number; readonly delay: number; readonly attempt: number }
  'child.restart': { readonly incarnation: number; readonly attempt: number }
  'child.parked': ParkFacts & { readonly incarnation: number; readonly cause: string }
  'child.crash_loop': { readonly incarnation: number; readonly failures: number }
  'child.resume_dropped': { readonly incarnation: number }
  'child.unparked': { readonly incarnation: number }
  'supervisor.exit': { readonly reason: ReasonFacts }
  /** A reader has asked for a change. `by`: who, as an address. `failed`: why it was not carried out. */
  'reader.act': { readonly verb: string; readonly by: string; readonly failed?: string }
  /** A reader has asked for a change with a wrong token, so many times since the last such event. */
  'reader.refused': { readonly verb: string; readonly by: string; readonly attempts: number }
  /** A reader was too slow and was cut off. */
  'reader.cut': { readonly missed: number }
}

type EventType = keyof EventFacts

/** What every event has. */
interface EventBase {
  /** Rises by one for each event of the observer, from 1. */
  readonly n: number
  /** In ms since 1970. */
  readonly at: number
  /** The path of the actor that it is about, for example `text/worker-1`. */
  readonly actor: string
  /** The event in words, at most 300 characters. */
  readonly text: string
  /** The number of the event that caused it: the exit of the actor that failed. */
  readonly because?: number
  /** The failure that no other failure explains, and all that follows from it, have one id. */
  readonly incident?: string
}

/** One event of the bus. */
export type ObservedEvent = {
  [T in EventType]: EventBase & { readonly type: T; readonly facts: EventFacts[T] }
}[EventType]

const TEXT = 300

/** The text itself, or its beginning. */
export const shortened = (text: string, length = TEXT): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text

/** An error as facts. */
export function factsOfError(error: unknown): ParkFacts {
  const message = shortened(messageOf(error))
  if (!isTerrariumError(error)) return { message }
  const { code, hint } = error
  return { message, code, ...(hint === undefined ? {} : { hint: shortened(hint, 1_000) }) }
}

export function factsOfReason(reason: ExitReason): ReasonFacts {
  return reason.type === 'error' ? { type: 'error', ...factsOfError(reason.error) } : { type: reason.type }
}

/** Why an actor is parked, in one line. By hand: the message says so itself. */
export const parkedLine = (facts: ParkFacts): string =>
  facts.code === 'PARKED' ? facts.message : `parked: ${errorLine(facts)}`

/** An error in one line, with its code. */
export const errorLine = ({ code, message }: ParkFacts): string =>
  code === undefined ? message : `${code}: ${message}`

export const reasonLine = (reason: ReasonFacts): string =>
  reason.type === 'error' ? errorLine({ ...reason, message: reason.message ?? '' }) : reason.type
