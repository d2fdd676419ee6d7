// A call as the shell of a pool knows it: with its arguments, its caller, and what watches it.
import type { AbortWait, CallSignal, CallSite, TerrariumError } from '@terrarium/supervisor/base'
import type { EncodedValue, FeedSource } from '@terrarium/worker'
import type { CallRequest } from './call-request.ts'
import { Call } from './core/call.ts'
import type { ProgressListener } from './progress-listener.ts'

export type Resolve = (value: unknown) => void
export type Reject = (error: TerrariumError) => void

export class PendingCall extends Call {
  readonly args: EncodedValue
  readonly feeds: readonly FeedSource[]
  readonly signal: CallSignal | undefined
  readonly resolve: Resolve
  readonly reject: Reject
  /** Its id in the session of its worker; 0: it was not handed to one. */
  sessionId = 0
  deadlineTimer: unknown = undefined
  abort: AbortWait | undefined = undefined
  readonly onProgress: CallRequest['onProgress']
  /** Set when the call is offered, if the caller listens. */
  progress: ProgressListener | undefined = undefined

  constructor(request: CallRequest, site: CallSite | undefined, resolve: Resolve, reject: Reject) {
    super(request, site)
    this.args = request.args
    this.size = sizeOf(request.args)
    this.feeds = request.feeds
    this.hasFeeds = request.feeds.length > 0
    this.signal = request.signal
    this.onProgress = request.onProgress
    this.resolve = resolve
    this.reject = reject
  }

  /** Nothing more is read of its arguments that are streams. */
  closeFeeds(): void {
    for (const feed of this.feeds) feed.close()
  }

  /** It has what goes with its arguments, see `CallExtras`. */
  get hasExtras(): boolean {
    return this.hasFeeds || this.progress !== undefined
  }

  /** It has a deadline or a signal. */
  get isWatched(): boolean {
    return this.timeout !== undefined || this.signal !== undefined
  }
}

/** In bytes. */
function sizeOf({ bytes, segments }: EncodedValue): number {
  let size = bytes.length
  for (const { length } of segments) size += length
  return size
}

/** The core hands around the calls that this shell has made. */
export function pending(call: Call): PendingCall {
  if (call instanceof PendingCall) return call
  throw new TypeError('a call that the shell has not made')
}
