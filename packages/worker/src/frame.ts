// What a host and a worker say to each other, whatever carries it: `grpc/` and `lane/` turn frames into bytes and back.
// `docs/protocol.md` has a table of them.

import type { EncodedValue } from './values/encoded-value.ts'

/** What carries the frames of a session. */
export type Transport = 'socket' | 'grpc'

/** The transport of workers for which none is chosen. */
export const DEFAULT_TRANSPORT: Transport = 'socket'

export interface ToolInfo {
  readonly name: string
  readonly isAsync: boolean
  /** It is a generator: it has a stream of items instead of a result. */
  readonly isStream: boolean
  /** The first line of the docstring; may be empty. */
  readonly summary: string
  /** Its parameters and the type of its result, `(text: str) -> int` for instance; empty if they are not known. */
  readonly signature?: string
  /** The docstring; may be empty. */
  readonly doc?: string
  /** `sync`, `async`, `class` or `builtin`; a worker in another language may say anything. */
  readonly kind?: string
  /** How many calls are one batch at most; 0: it takes one call at a time. */
  readonly batch?: number
}

/** Why a call ended without a value, as a number of the wire. A later version may send others. */
export const FAILURE_CODE = {
  PYTHON_ERROR: 1,
  TOOL_NOT_FOUND: 2,
  INVALID_ARGUMENT: 3,
  CANCELLED: 4,
  DEADLINE_EXCEEDED: 5,
  PAYLOAD_TOO_LARGE: 6,
  RESULT_NOT_SENDABLE: 7,
  /** Of a host call only. */
  POOL_SATURATED: 8,
} as const

/**
 * The credit that each stream begins with, in bytes. A worker sends items of a stream while it has credit. It wants as
 * much of a feed at a time.
 */
export const STREAM_WINDOW = 256 * 1024
/** What an item costs beside the bytes of its value. */
export const ITEM_OVERHEAD = 16

/** Presents a worker: the first frame of a session. */
export interface HelloFrame {
  readonly kind: 'hello'
  /** The version of the protocol that the worker speaks. */
  readonly version: number
  readonly token: string
  readonly pid: number
  /** Of the Python package `terrarium`. */
  readonly packageVersion: string
  /** Of the interpreter. */
  readonly pythonVersion: string
  /** The worker writes the page of begun calls, see `begun-page.ts`. */
  readonly reportsBegun: boolean
}

/** The worker accepts calls. */
export interface ReadyFrame {
  readonly kind: 'ready'
  readonly tools: readonly ToolInfo[]
}

/** A call ended with a value; a stream ended, with the value null. */
export interface ResultFrame {
  readonly kind: 'result'
  readonly id: number
  readonly value: EncodedValue
}

/** The next item of a stream. */
export interface ItemFrame {
  readonly kind: 'item'
  /** Of the call. */
  readonly id: number
  readonly value: EncodedValue
}

/** How far a call has come, as its tool says. Only for an open call that asks for it. */
export interface ProgressFrame {
  readonly kind: 'progress'
  /** Of the call. */
  readonly id: number
  /** In the unit of the tool; null: the tool does not say. */
  readonly done: number | null
  /** How much there is to do; null: it is not known. */
  readonly total: number | null
  readonly text: string
}

/** A call ended without a value. Absent texts and attributes are empty. */
export interface FailureFrame {
  readonly kind: 'failure'
  readonly id: number
  /** See {@link FAILURE_CODE}. */
  readonly code: number
  /** The class of the exception, or of the value that cannot be sent. */
  readonly type: string
  readonly message: string
  readonly traceback: string
  readonly hint: string
  /** The place of the value that cannot be sent. */
  readonly place: string
  /** The tool was not entered, and never will be for this call. */
  readonly notBegun: boolean
  /** A msgpack map from the name of an attribute to its value as msgpack. */
  readonly attributes: Uint8Array
  /** The host call whose failure the exception is, or was raised from. Absent or 0: none. */
  readonly hostCall?: number
}

/** The answer to a Ping. */
export interface PongFrame {
  readonly kind: 'pong'
  readonly nonce: number
  /** The call on the worker's main thread; 0 when that is idle. */
  readonly running: number
}

/** A tool calls a function of the host. */
export interface HostCallFrame {
  readonly kind: 'hostCall'
  /** The worker's own number of the host call: not 0, and of no other open host call. */
  readonly id: number
  /** The call on whose behalf it is made. */
  readonly call: number
  /** The items of the function are wanted. */
  readonly isStream: boolean
  /** An array: the name of the function, its arguments, and the time of the host call in ms or nil. */
  readonly body: EncodedValue
}

/** The tool does not wait for a host call any more. The host answers it all the same. */
export interface HostCancelFrame {
  readonly kind: 'hostCancel'
  readonly id: number
}

/** Room for more items of a host call. */
export interface HostCreditFrame {
  readonly kind: 'hostCredit'
  readonly id: number
  readonly bytes: number
}

/** The tool takes items of a feed, which is an argument that is a stream. */
export interface WantFrame {
  readonly kind: 'want'
  /** Of the call. */
  readonly id: number
  /** The index of the feed in the call. */
  readonly feed: number
  /** Room for more items, in bytes; 0: no more are wanted. */
  readonly bytes: number
}

export type WorkerFrame =
  | HelloFrame
  | ReadyFrame
  | ResultFrame
  | FailureFrame
  | PongFrame
  | ItemFrame
  | ProgressFrame
  | HostCallFrame
  | HostCancelFrame
  | HostCreditFrame
  | WantFrame

/** The host accepts the worker. */
export interface WelcomeFrame {
  readonly kind: 'welcome'
  /** The longest message or body that either side may send, in bytes. */
  readonly maxBytes: number
}

/** Run a tool once. */
export interface CallFrame {
  readonly kind: 'call'
  /** Not 0, and of no other open call. */
  readonly id: number
  readonly tool: string
  /** The place of the tool in Ready. */
  readonly index: number
  /** The time left in ms; 0: none. */
  readonly timeout: number
  /** The tool is a generator, and its items are wanted. */
  readonly isStream: boolean
  /** The caller wants to hear how far the call has come. Default: false. */
  readonly wantsProgress?: boolean
  /** The number of the tool session that it belongs to. Default: 0, none. */
  readonly session?: number
  readonly args: EncodedValue
}

/** Stop a call, or forget it. */
export interface CancelFrame {
  readonly kind: 'cancel'
  readonly id: number
  /** Only if the tool was not entered yet. */
  readonly unlessBegun: boolean
}

/** Asks for a Pong. */
export interface PingFrame {
  readonly kind: 'ping'
  readonly nonce: number
}

/** Room for more items of a stream. */
export interface CreditFrame {
  readonly kind: 'credit'
  /** Of the call. */
  readonly id: number
  /** More than 0. */
  readonly bytes: number
}

/** A host call ended with a value; a host call with items ended, with the value null. */
export interface HostResultFrame {
  readonly kind: 'hostResult'
  readonly id: number
  readonly value: EncodedValue
}

/** A host call ended without a value. */
export interface HostFailureFrame extends Omit<FailureFrame, 'kind' | 'notBegun' | 'hostCall'> {
  readonly kind: 'hostFailure'
}

/** The next item of a host call. */
export interface HostItemFrame {
  readonly kind: 'hostItem'
  readonly id: number
  readonly value: EncodedValue
}

/** The next item of a feed. */
export interface FeedFrame {
  readonly kind: 'feed'
  /** Of the call. */
  readonly id: number
  readonly feed: number
  readonly value: EncodedValue
}

/** A feed has no more items. */
export interface FeedEndFrame {
  readonly kind: 'feedEnd'
  /** Of the call. */
  readonly id: number
  readonly feed: number
  /** Why, if the feed has failed: the name of the error, and its message. */
  readonly failure: { readonly type: string; readonly message: string } | undefined
}

/** Begins a tool session: the worker keeps its state until SessionClose. */
export interface SessionOpenFrame {
  readonly kind: 'sessionOpen'
  /** Not 0, and never used before with this worker. */
  readonly number: number
  /** What the caller calls it. */
  readonly id: string
}

/** Ends a tool session. No call of it is open, and none follows. */
export interface SessionCloseFrame {
  readonly kind: 'sessionClose'
  readonly number: number
}

export type HostFrame =
  | WelcomeFrame
  | CallFrame
  | CancelFrame
  | PingFrame
  | CreditFrame
  | HostResultFrame
  | HostFailureFrame
  | HostItemFrame
  | FeedFrame
  | FeedEndFrame
  | SessionOpenFrame
  | SessionCloseFrame

/** The host's end of a connection, as a session uses it. */
export interface Carrier {
  /** Frames arrive in order, but for long ones. `open`: how many calls are open, sent or not. */
  readonly send: (frame: HostFrame, open: number) => void
  /** Ends the connection. What was not written is dropped. */
  readonly end: () => void
  /** A number that grows whenever something of the worker arrives. */
  readonly received: number
  /** Whether values may have segments. Default: no. */
  readonly sendsApart?: boolean
  /** The calls that were handed to {@link send} and certainly never reached the worker, by id. */
  readonly unsent: () => ReadonlySet<number>
}
