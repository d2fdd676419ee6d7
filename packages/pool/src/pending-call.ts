// A call as the shell of a pool knows it: with its arguments, its caller, and what watches it.
import type { AbortWait, CallSignal, CallSite, TerrariumError } from '@terrarium/supervisor/base'
import type { CallOutcome, FeedSource, SessionCall } from '@terrarium/worker'
import type { EncodedArguments } from './call-request.ts'
import { Call } from './core/call.ts'
import type { NestedRequest } from './nesting.ts'
import type { CallOptions } from './options.ts'
import type { OnProgress, ProgressListener } from './progress-listener.ts'

export type Resolve = (value: unknown) => void
export type Reject = (error: TerrariumError) => void

const NO_FEEDS: readonly FeedSource[] = []

/** Takes the outcomes of calls that were sent to workers. */
export interface TakesOutcomes {
  take(call: PendingCall, outcome: CallOutcome): void
}

/** Options of a call that a function of the host may have made. */
export interface PendingOptions extends CallOptions {
  readonly nested?: NestedRequest | undefined
}

export class PendingCall extends Call implements SessionCall {
  declare readonly nested: NestedRequest | undefined
  readonly args: EncodedArguments
  readonly feeds: readonly FeedSource[]
  readonly signal: CallSignal | undefined
  readonly resolve: Resolve
  readonly reject: Reject
  /** Its id in the session of its worker; 0: it was not handed to one. */
  sessionId = 0
  /** What takes its outcome; undefined before it was sent. */
  sender: TakesOutcomes | undefined = undefined
  deadlineTimer: unknown = undefined
  abort: AbortWait | undefined = undefined
  readonly onProgress: OnProgress | undefined
  /** Set when the call is offered, if the caller listens. */
  progress: ProgressListener | undefined = undefined
  /** Of the host call that it is made in. */
  outerAbort: AbortWait | undefined = undefined

  /** `options`: read and checked. */
  constructor(
    tool: string,
    args: EncodedArguments,
    options: PendingOptions,
    site: CallSite | undefined,
    resolve: Resolve,
    reject: Reject,
  ) {
    super(tool, options, site)
    this.args = args
    this.size = sizeOf(args)
    this.feeds = args.feeds ?? NO_FEEDS
    this.hasFeeds = this.feeds.length > 0
    this.signal = options.signal
    this.onProgress = options.onProgress
    this.resolve = resolve
    this.reject = reject
  }

  /** Nothing more is read of its arguments that are streams. */
  closeFeeds(): void {
    for (const feed of this.feeds) feed.close()
  }

  /** It has what goes with its arguments, see `CallExtras`. */
  get hasExtras(): boolean {
    return this.hasFeeds || this.progress !== undefined || this.sessionNumber !== 0
  }

  /** It has a deadline or a signal, or ends with a host call. */
  get isWatched(): boolean {
    return this.timeout !== undefined || this.signal !== undefined || this.nested !== undefined
  }

  settled(outcome: CallOutcome): void {
    this.sender?.take(this, outcome)
  }
}

/** In bytes. */
function sizeOf({ bytes, segments }: EncodedArguments): number {
  let size = bytes.length
  for (const { length } of segments) size += length
  return size
}

/** The core hands around the calls that this shell has made. */
export function pending(call: Call): PendingCall {
  if (call instanceof PendingCall) return call
  throw new TypeError('a call that the shell has not made')
}
