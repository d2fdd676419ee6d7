// What a source of pictures and a page say to each other: version 1. JSON text, one message a WebSocket frame. Times
// are ms since the epoch. A reader ignores fields and kinds that it does not know.

/** The version of the messages. */
export const PROTOCOL_VERSION = 1

/** A value that was shortened for the page. Objects of one key say what a plain JSON value cannot. */
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

export type ActorKind = 'machine' | 'transition' | 'promise' | 'callback' | 'observable' | 'other'

export type ActorStatus = 'active' | 'done' | 'error' | 'stopped'

/** One actor, as lists and trees show it. */
export interface ActorView {
  /** Unique in its source. */
  readonly id: string
  /** The id of the actor that spawned or invoked it. */
  readonly parent?: string
  /** The id that its parent gave it. */
  readonly name: string
  readonly kind: ActorKind
  /** The id of its definition, for machines. */
  readonly machine?: string
  /** Empty for what has no states. */
  readonly value: StateValue
  readonly status: ActorStatus
  /** Since when it has this value and status. */
  readonly since: number
  readonly born: number
  /** How many events it has received. */
  readonly events: number
  /** The type of the last event. */
  readonly last?: string
  /** Why it failed: name and message. */
  readonly error?: string
}

/** What may change of an actor. */
export type ActorChange = Partial<Pick<ActorView, 'value' | 'status' | 'since' | 'events' | 'last' | 'error'>>

/** `n` rises by one with each event of the source, also with an event that is not sent. `from` is empty for outside. */
export type EventView = readonly [n: number, at: number, from: string, to: string, type: string, payload?: Value]

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
  readonly actors: number
  readonly machines: number
}

export interface Hello {
  readonly t: 'hello'
  readonly v: typeof PROTOCOL_VERSION
  readonly source: string
  readonly name: string
  /** Which engine runs the source, for example `Node 20.20.2`. */
  readonly agent: string
  readonly pid?: number
  readonly started: number
  readonly now: number
}

/** The whole picture. It replaces what the page had. */
export interface Snap {
  readonly t: 'snap'
  readonly seq: number
  readonly now: number
  readonly actors: readonly ActorView[]
  readonly machines: Definitions
  readonly events: readonly EventView[]
  readonly left: LeftOut
}

/** What has changed. `seq` is one more than in the message before. */
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
}

export type Transition = readonly [at: number, from: StateValue, to: StateValue, event: string]

/** More about an actor that the page watches. */
export interface Detail {
  readonly t: 'detail'
  readonly id: string
  readonly now: number
  readonly snapshot: Value
  /** Those since the last detail of this actor. */
  readonly transitions: readonly Transition[]
  /** How many transitions were left out since the last detail. */
  readonly left: number
}

export interface Refusal {
  readonly t: 'error'
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** What a source says. */
export type FromSource = Hello | Snap | Delta | Detail | Refusal

/** The actors whose details the page shows. It replaces the earlier list. */
export interface Watch {
  readonly t: 'watch'
  readonly ids: readonly string[]
}

/** Asks for a snap, since messages after `seq` were missed. */
export interface Since {
  readonly t: 'since'
  readonly seq: number
}

/** What a page says. */
export type FromPage = Watch | Since
