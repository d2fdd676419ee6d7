// A call before it is accepted: its options are read once, its arguments are checked and encoded.
import { isAborted, isTerrariumError, reasonOf, TerrariumError, type CallSignal } from '@terrarium/supervisor/base'
import { checkCallSize, type EncodedValue, type Transport, type ValueCodec } from '@terrarium/worker'
import type { Priority } from './core/lanes.ts'
import type { SessionUse } from './core/tool-session.ts'
import { ownCallOptions, ownStreamOptions, unreadable } from './own-options.ts'
import {
  NO_OPTIONS,
  validateCall,
  validateStream,
  type CallArguments,
  type CallOptions,
  type StreamOptions,
} from './options.ts'
import type { StreamRequest } from './pending-stream.ts'
import type { OnProgress } from './progress-listener.ts'

/** What is called, read and encoded: no code of the user's is left in it but the signal. */
export interface CallRequest {
  readonly tool: string
  /** Encoded once, however often the call is begun. */
  readonly args: EncodedValue
  /** In ms. */
  readonly timeout: number | undefined
  readonly idempotent: boolean
  readonly priority: Priority
  readonly signal: CallSignal | undefined
  readonly onProgress: OnProgress | undefined
  /** The handle of the session that it is a call of. Default: none. */
  readonly use?: SessionUse
}

/** How the arguments of a pool's calls are encoded. */
export interface CallEncoding {
  readonly codec: ValueCodec
  readonly transport: Transport
}

/** Reads, checks and encodes what is called. Throws INVALID_ARGUMENT, PAYLOAD_TOO_LARGE or CANCELLED. */
export function requestOf(
  encoding: CallEncoding,
  tool: string,
  args: CallArguments,
  options: CallOptions,
): CallRequest {
  const own = readable(() => {
    const read = options === NO_OPTIONS ? NO_OPTIONS : ownCallOptions(options)
    validateCall(tool, args, read)
    return read
  })
  const { timeout, signal, idempotent = false, priority = 'normal', onProgress } = own
  refuseAborted(tool, signal)
  const sent = encoded(encoding, tool, args)
  refuseAborted(tool, signal) // a getter of the arguments may have aborted it, which tells no listener any more
  return { tool, args: sent, timeout, idempotent, priority, signal, onProgress }
}

/** As {@link requestOf}, but for a signal that is aborted: a stream begins later, with its first `next()`. */
export function streamRequestOf(
  encoding: CallEncoding,
  tool: string,
  args: CallArguments,
  options: StreamOptions,
): StreamRequest {
  const {
    timeout,
    idle,
    signal,
    priority = 'normal',
    onProgress,
  } = readable(() => {
    const read = ownStreamOptions(options)
    validateStream(tool, args, read)
    return read
  })
  const sent = encoded(encoding, tool, args)
  return { tool, args: sent, timeout, idle, signal, priority, onProgress, idempotent: false }
}

/** Throws CANCELLED if the signal is aborted, and INVALID_ARGUMENT if it cannot be read. */
export function refuseAborted(tool: string, signal: CallSignal | undefined): void {
  if (signal === undefined || !readable(() => isAborted(signal))) return
  throw new TerrariumError('CANCELLED', `call of ${tool} was cancelled before it began`, {
    cause: reasonOf(signal),
    details: { tool },
  })
}

/** What `read` returns. What it throws is no fault of ours: the options are the user's. */
function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw isTerrariumError(cause) ? cause : unreadable('the options of a call', cause)
  }
}

function encoded({ codec, transport }: CallEncoding, tool: string, args: CallArguments): EncodedValue {
  const apart = transport === 'socket'
  const sent = codec.encode(args, `the arguments of ${tool.slice(0, 128)}`, { apart })
  checkCallSize(tool, sent)
  return sent
}
