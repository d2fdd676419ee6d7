// What an observer and its readers say to each other, version 1: JSON texts, on the Unix socket one a line. Readers
// ignore fields and kinds that they do not know. Times are ms since 1970.

/** The version of the protocol. A reader refuses a greater one. */
export const PROTOCOL_VERSION = 1

/** The first message to a reader. */
export interface Hello {
  readonly t: 'hello'
  readonly v: number
  /** `terrarium`: pools and supervisors. Another source has actors of another application. */
  readonly source: string
  /** Names what is observed. */
  readonly name: string
  /** Program and version that speaks, for example `@terrarium/observe`. */
  readonly agent: string
  readonly pid: number
  readonly host: string
  readonly node: string
  readonly started: number
  readonly now: number
  /** Where the page is, with its token. Only readers of the private socket are told. */
  readonly page?: string
  /** The verbs of `act` that this reader may send. Empty: it may only look. */
  readonly actions: readonly string[]
}

/** The whole picture. It replaces what the reader had. */
export interface Snap {
  readonly t: 'snap'
  readonly seq: number
  readonly now: number
  /** Parents before their children, children in start order. */
  readonly actors: readonly ActorView[]
  readonly machines: Readonly<Record<string, never>>
  /** The last 500 at most, oldest first. */
  readonly events: readonly WireEvent[]
  readonly left: Left
  readonly g: Numbers
  readonly verdict: readonly Verdict[]
  /** Once a second while a reader looks, the last 300: `[at, accepted, failed, in flight, queued]`. */
  readonly series: readonly Sample[]
}

/** What has changed. `seq` is one more than in the message before; after a gap the reader asks `since`. */
export interface Delta {
  readonly t: 'd'
  readonly seq: number
  readonly now: number
  /** Changed fields by actor; null: the field is gone. */
  readonly set?: readonly (readonly [id: string, fields: Readonly<Record<string, unknown>>])[]
  readonly add?: readonly ActorView[]
  readonly del?: readonly string[]
  readonly events?: readonly WireEvent[]
  readonly left?: Left
  readonly g?: Numbers
  readonly verdict?: readonly Verdict[]
}

/** More about an actor that the reader watches. */
export interface Detail {
  readonly t: 'detail'
  readonly id: string
  readonly now: number
  /** All fields of the actor, as the page reads values. */
  readonly snapshot: WireValue
  /** Not told in this version. */
  readonly transitions: readonly never[]
  readonly left: number
  readonly diagnosis?: Diagnosis
  /** The last lines that it has printed, oldest first, at most 20 of 500 characters. */
  readonly output: readonly OutputLine[]
}

/** The reader has sent what cannot be answered, or was cut off. */
export interface Refusal {
  readonly t: 'error'
  readonly code: string
  readonly message: string
  readonly hint: string
  /** Of a reader that was cut off: how many events it has missed. */
  readonly missed?: number
}

export type ToReader = Hello | Snap | Delta | Detail | Refusal

/** What a reader may send: at most 4,096 bytes each. */
export type FromReader =
  /** Asks for details of at most 8 actors; replaces what was watched. */
  | { readonly t: 'watch'; readonly ids: readonly string[] }
  /** Asks for the whole picture. `seq`: of the last message that was read. */
  | { readonly t: 'since'; readonly seq: number }

export interface ActorView {
  /** Its path, for example `text/worker-1`; unique among what is observed. */
  readonly id: string
  readonly parent?: string
  readonly name: string
  readonly kind: 'pool' | 'worker' | 'supervisor' | 'other'
  /** Its state as a word: `ready`, `parked`, `backing_off` and so on. */
  readonly value: string
  /** XState's; `error` for what is parked, too. */
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  /** Since when it is in this state. */
  readonly since: number
  /** When it was first seen. */
  readonly born: number
  /** How many events there were about it. */
  readonly events: number
  /** The type of the last event about it. */
  readonly last?: string
  /** Why it failed last, in one line, until it is ready again. */
  readonly error?: string
  /** The n-th life; 0 before the first. */
  readonly incarnation?: number
  readonly pid?: number
  /** When it became ready, while it is. */
  readonly up?: number
  /** Resident memory in bytes, read at most every 2 s. */
  readonly rss?: number
  readonly inFlight?: number
  /** Exits because of a failure, and starts after any other exit. */
  readonly restarts?: { readonly crashes: number; readonly wanted: number }
  /** When the next start is due. */
  readonly until?: number
  /** Of a pool: workers that are ready, and how many there are to be. */
  readonly ready?: number
  readonly size?: number
  /** Of a pool: calls accepted. Of a worker: calls that were with it, through all its lives. */
  readonly calls?: number
  /** Of a pool: calls failed and waiting. */
  readonly failed?: number
  readonly queued?: number
  readonly diagnosis?: Diagnosis
}

/** Why an actor does not run, and what repairs it. */
export interface Diagnosis {
  /** The code of the error. */
  readonly code: string
  readonly title: string
  /** What to do: the hint of the error. */
  readonly text?: string
  readonly facts: readonly (readonly [name: string, value: string])[]
  /** A command for a shell that repairs it. */
  readonly command?: string
}

export interface OutputLine {
  readonly at: number
  readonly stream: 'stdout' | 'stderr'
  readonly line: string
}

/**
 * One event: number, time, whence (empty), actor, type, facts, sentence, the number of the event that caused it, and
 * the incident that it belongs to. Numbers rise by one; a gap is what was left out.
 */
export type WireEvent = readonly [
  n: number,
  at: number,
  from: string,
  to: string,
  type: string,
  payload: WireValue,
  text: string,
  because: number | null,
  incident: string | null,
]

/** Facts as the page reads them: an object is `{ o: [[name, value], …] }`. */
export type WireValue = string | number | boolean | null | { readonly o: readonly (readonly [string, WireValue])[] }

/** What the reader was not sent. */
export interface Left {
  readonly events: number
  readonly actors: number
  readonly machines: number
}

/** Sums over all pools, and `crashes` over all actors. */
export interface Numbers {
  readonly size: number
  readonly ready: number
  readonly accepted: number
  readonly failed: number
  readonly inFlight: number
  readonly queued: number
  readonly crashes: number
}

export type Sample = readonly [at: number, accepted: number, failed: number, inFlight: number, queued: number]

/** A sentence that says what is wrong, worst first, or that all is well. */
export interface Verdict {
  readonly level: 'bad' | 'warn' | 'good'
  readonly text: string
  readonly actor?: string
  /** The command that repairs it. */
  readonly command?: string
}
