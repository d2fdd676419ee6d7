// What a source and its readers say to each other, version 1: JSON texts, one a WebSocket frame, or one a line of a
// Unix socket. A source is an application of XState, or an observer of pools and supervisors; a reader is a page or a
// command. Readers ignore fields and kinds that they do not know. Times are ms since 1970.

import type { CallTimes, Deadlines } from './call-times.ts'
export type { CallTimes, Deadlines }

/** The version of the protocol. A reader refuses a greater one. */
export const PROTOCOL_VERSION = 1

/** A value that was shortened for readers. Objects of one key say what a plain JSON value cannot. */
export type Value = string | number | boolean | null | Opaque | CutText | List | Dictionary

/** What has no content to show: a function, a redacted value, a reference to something above. */
export interface Opaque {
  readonly x: string
}

/** The beginning of a long string, and how many characters follow. */
export interface CutText {
  readonly s: string
  readonly more: number
}

export interface List {
  readonly a: readonly Value[]
  /** How many items were left out. */
  readonly more?: number
}

export interface Dictionary {
  readonly o: readonly (readonly [key: string, value: Value])[]
  /** The name of the class, unless it is a plain object. */
  readonly n?: string
  /** How many entries were left out. */
  readonly more?: number
}

/** The value of a state: its name, or an object with the state of each region. */
export type StateValue = string | { readonly [key: string]: StateValue | undefined }

/** The first five are logics of XState, the next three are known to observers only. */
export type ActorKind =
  | 'machine'
  | 'transition'
  | 'promise'
  | 'callback'
  | 'observable'
  | 'pool'
  | 'worker'
  | 'supervisor'
  | 'other'

export type ActorStatus = 'active' | 'done' | 'error' | 'stopped'

/** One actor, as lists and trees show it. What follows `error` is known to observers only. */
export interface ActorView {
  /** Unique in its source; of an observer the path, for example `text/worker-1`. */
  readonly id: string
  /** The id of the actor that spawned or invoked it. */
  readonly parent?: string
  /** The id that its parent gave it. */
  readonly name: string
  readonly kind: ActorKind
  /** The id of its definition, for machines. */
  readonly machine?: string
  /** Empty for what has no states. Of an observer a word: `ready`, `parked`, `backing_off` and so on. */
  readonly value: StateValue
  /** XState's; `error` for what is parked, too. */
  readonly status: ActorStatus
  /** Since when it has this value and status. */
  readonly since: number
  /** When it was first seen. */
  readonly born: number
  /** How many events it has received; of an observer, how many there were about it. */
  readonly events: number
  /** The type of the last event. */
  readonly last?: string
  /** Why it failed last, in one line. Of an observer, until it is ready again. */
  readonly error?: string
  readonly diagnosis?: Diagnosis
  /** The n-th life; 0 before the first. */
  readonly incarnation?: number
  /** Exits because of a failure, and starts after any other exit. */
  readonly restarts?: { readonly crashes: number; readonly wanted: number }
  /** When the next start is due. */
  readonly until?: number
  /** Of a process: its state in the statechart `machine`. */
  readonly life?: string
  /** Of a supervisor, or of the supervisor of a pool's workers: the strategy, and the restart budget. */
  readonly strategy?: string
  readonly budget?: Budget
  readonly pid?: number
  /** When it became ready, while it is. */
  readonly up?: number
  /** Resident memory in bytes, read at most every 2 s. */
  readonly rss?: number
  /** Calls that it has begun. */
  readonly inFlight?: number
  /** How many of them wait for functions of the host; left out when there is none. */
  readonly onHost?: number
  /** Of a pool: sessions that are open, or lost and not restarted; left out when there is none. */
  readonly sessions?: number
  /** Of a pool: workers that are ready, and how many there are to be. */
  readonly ready?: number
  readonly size?: number
  /** Of a pool: calls accepted. Of a worker: calls that were with it, through all its lives. */
  readonly calls?: number
  /** Of a pool: calls failed and waiting. */
  readonly failed?: number
  readonly queued?: number
}

/** The fields of an actor that have changed. Null: the field is gone. */
export type ActorChange = { readonly [F in Exclude<keyof ActorView, 'id'>]?: ActorView[F] | null }

/** The restarts of a supervisor that count now. With one more than `intensity` it gives up. */
export interface Budget {
  readonly used: number
  readonly intensity: number
  /** In ms. */
  readonly period: number
  /** When the oldest restart that counts will count no more. */
  readonly frees?: number
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
 * One event. `n` rises by one with each event of the source, also with an event that is not sent. `from` is empty for
 * outside. Of an observer: a sentence, the number of the event that caused it, and the incident that it belongs to.
 */
export type EventView = readonly [
  n: number,
  at: number,
  from: string,
  to: string,
  type: string,
  payload?: Value,
  text?: string,
  because?: number | null,
  incident?: string | null,
]

export type NodeType = 'atomic' | 'compound' | 'parallel' | 'final' | 'history'

export interface TransitionView {
  readonly event: string
  /** Ids of state nodes. Empty: the state stays. */
  readonly targets: readonly string[]
  readonly guard?: string
  readonly actions?: readonly string[]
}

/** One state node of a machine, with what is below it. */
export interface NodeView {
  readonly id: string
  readonly key: string
  readonly type: NodeType
  /** The key of the initial child. */
  readonly initial?: string
  readonly states?: readonly NodeView[]
  readonly on?: readonly TransitionView[]
  /** The names of invoked actors. */
  readonly invoke?: readonly string[]
  /** How many nodes below this one were left out. */
  readonly more?: number
}

/** Definitions of machines by their id. */
export type Definitions = Readonly<Record<string, NodeView>>

/** What was not sent since the source began, because there was too much of it. */
export interface LeftOut {
  readonly events: number
  /** Events that were sent without their contents, for lack of time. */
  readonly contents?: number
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

/** The first message to a reader. */
export interface Hello {
  readonly t: 'hello'
  readonly v: number
  /** `app`: an application of XState. `terrarium`: pools and supervisors. */
  readonly source: string
  /** Names what is observed. */
  readonly name: string
  /** What speaks: an engine such as `Node 20.20.2`, or `@terrarium/observe`. */
  readonly agent: string
  readonly pid?: number
  readonly host?: string
  readonly node?: string
  readonly started: number
  readonly now: number
  /** Where the page is, with its token. Only readers of a private socket are told. */
  readonly page?: string
  /** As `page`, with the token for actions too. */
  readonly actionsPage?: string
  /** The verbs of `act`, for readers with the token for actions. Empty or absent: readers may only look. */
  readonly actions?: readonly Verb[]
  /** The questions that `ask` may have. Empty or absent: none. */
  readonly asks?: readonly Question['what'][]
}

/** The whole picture. It replaces what the reader had. */
export interface Snap {
  readonly t: 'snap'
  readonly seq: number
  readonly now: number
  /** Parents before their children; of an observer, children in start order. */
  readonly actors: readonly ActorView[]
  readonly machines: Definitions
  /** The last 500 at most, oldest first. */
  readonly events: readonly EventView[]
  readonly left: LeftOut
  readonly g?: Numbers
  /** At most three, worst first. */
  readonly verdict?: readonly Verdict[]
  /** Once a second while a reader looks, the last 300. */
  readonly series?: readonly Sample[]
}

/** What has changed. `seq` is one more than in the message before; after a gap the reader asks `since`. */
export interface Delta {
  readonly t: 'd'
  readonly seq: number
  readonly now: number
  readonly add?: readonly ActorView[]
  readonly set?: readonly (readonly [id: string, change: ActorChange])[]
  readonly del?: readonly string[]
  readonly machines?: Definitions
  readonly events?: readonly EventView[]
  readonly left?: LeftOut
  readonly g?: Numbers
  readonly verdict?: readonly Verdict[]
}

export type Transition = readonly [at: number, from: StateValue, to: StateValue, event: string]

/** More about an actor that the reader watches. */
export interface Detail {
  readonly t: 'detail'
  readonly id: string
  readonly now: number
  /** Of an observer: all fields of the actor. */
  readonly snapshot: Value
  /** Those since the last detail of this actor. */
  readonly transitions: readonly Transition[]
  /** How many transitions were left out since the last detail. */
  readonly left: number
  readonly diagnosis?: Diagnosis
  /** The last lines that it has printed, oldest first, at most 20 of 500 characters. */
  readonly output?: readonly OutputLine[]
  /** Of a pool that is watched: within the last minute, of the 8 tools with the most calls. */
  readonly times?: readonly CallTimes[]
  /** Of a pool or worker: of its calls in flight. */
  readonly deadlines?: Deadlines
  /** What a reader with the token for actions may ask of it now. */
  readonly verbs?: readonly Verb[]
}

/** What became of an `ask` or an `act`: the field of its name is there. */
export interface Answer {
  readonly t: 'answer'
  /** Of the message that is answered. */
  readonly id: number
  readonly explain?: Explained
  readonly whatIf?: Foretold
  readonly system?: readonly SystemPart[]
  readonly sweeps?: readonly SweptRecord[]
  /** The verb that was carried out. */
  readonly act?: Verb
}

/** Why an actor is as it is, as its supervisor says. */
export interface Explained {
  readonly sentence: string
  readonly state: string
  /** Failures in a row. */
  readonly attempts: number
  /** How long until the next start, in ms. */
  readonly waits?: number
  /** What would start it again. */
  readonly ways: readonly string[]
}

/** What would follow from a failure, as its supervisor says. */
export interface Foretold {
  readonly sentence: string
  /** The first 50. `at`: ms after the failure. `more`: a delay in ms, or why. */
  readonly steps: readonly (readonly [at: number, what: string, id: string, more: string])[]
  /** How many steps more there are. */
  readonly left: number
  readonly budget: { readonly before: number; readonly after: number } & Pick<Budget, 'intensity' | 'period'>
  /** The message with which the supervisor would give up. */
  readonly escalates?: string
}

/** Facts of the program, or of what one pool stands on. */
export interface SystemPart {
  readonly title: string
  readonly facts: readonly (readonly [name: string, value: string])[]
}

/** One thing that the runtime knows of: a process of a run, or the rest of a run that has ended. */
export interface SweptRecord {
  readonly run: string
  readonly pid?: number
  readonly fate: 'alive' | 'killed' | 'removed' | 'dropped' | 'left'
  /** Why, in words. */
  readonly text: string
}

/** The reader has sent what cannot be answered, or was cut off. */
export interface Refusal {
  readonly t: 'error'
  readonly code: string
  readonly message: string
  readonly hint: string
  /** Of a reader that was cut off: how many events it has missed. */
  readonly missed?: number
  /** Of the message that is refused, if it has one. */
  readonly id?: number
}

/** What a source says. */
export type FromSource = Hello | Snap | Delta | Detail | Answer | Refusal

/** Asks for details of at most 8 actors. It replaces the earlier list. */
export interface Watch {
  readonly t: 'watch'
  readonly ids: readonly string[]
}

/** Asks for a snap. `seq`: of the last message that was read. */
export interface Since {
  readonly t: 'since'
  readonly seq: number
}

export type Question =
  | { readonly what: 'explain'; readonly actor: string }
  | {
      readonly what: 'whatIf'
      readonly actor: string
      /** The message of the failure. */
      readonly error: string
      /** The code of the failure, in capitals. Absent: it is an error without one. */
      readonly code?: string
      /** Whether it is to fail before it is ready (`start`) or after (`run`). Absent: as it is now. */
      readonly phase?: 'start' | 'run'
    }
  | { readonly what: 'system' }
  | { readonly what: 'sweeps' }

/** Asks a question. `id`: any number, which the answer has. */
export type Ask = { readonly t: 'ask'; readonly id: number } & Question

export type Verb = 'restart' | 'park' | 'unpark' | 'kill' | 'pause' | 'resume' | 'drain' | 'reload'

/** Asks for a change. */
export interface Act {
  readonly t: 'act'
  readonly id: number
  readonly verb: Verb
  readonly actor: string
  /** The token for actions. */
  readonly token: string
}

/** What a reader says, in at most 4,096 bytes. */
export type FromReader = Watch | Since | Ask | Act
