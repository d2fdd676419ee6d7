// A call before it is accepted: its options are read once and checked, its arguments are encoded.
import { isAborted, isTerrariumError, reasonOf, TerrariumError, type CallSignal } from '@terrarium/supervisor/base'
import { checkCallSize, type EncodedValue, type Transport, type ValueCodec } from '@terrarium/worker'
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

/** How the arguments of a pool's calls are encoded. */
export interface CallEncoding {
  readonly codec: ValueCodec
  readonly transport: Transport
}

/** Reads and checks what is called. Throws INVALID_ARGUMENT. */
export function readCall(tool: string, args: CallArguments, options: CallOptions): CallOptions {
  try {
    const own = options === NO_OPTIONS ? NO_OPTIONS : ownCallOptions(options)
    validateCall(tool, args, own)
    return own
  } catch (cause) {
    throw faultOf(cause)
  }
}

/** Encodes the arguments of a call. Throws INVALID_ARGUMENT, PAYLOAD_TOO_LARGE or CANCELLED. */
export function encodeCall(
  encoding: CallEncoding,
  tool: string,
  args: CallArguments,
  signal: CallSignal | undefined,
): EncodedValue {
  refuseAborted(tool, signal)
  const sent = encoded(encoding, tool, args)
  refuseAborted(tool, signal) // a getter of the arguments may have aborted it, which tells no listener any more
  return sent
}

/** The same for a stream, which begins later, with its first `next()`: its signal is looked at then. */
export function streamRequestOf(
  encoding: CallEncoding,
  tool: string,
  args: CallArguments,
  options: StreamOptions,
): StreamRequest {
  const own = readable(() => {
    const read = ownStreamOptions(options)
    validateStream(tool, args, read)
    return read
  })
  return { tool, args: encoded(encoding, tool, args), options: own }
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
    throw faultOf(cause)
  }
}

const faultOf = (cause: unknown): TerrariumError =>
  isTerrariumError(cause) ? cause : unreadable('the options of a call', cause)

function encoded({ codec, transport }: CallEncoding, tool: string, args: CallArguments): EncodedValue {
  const sent = codec.encodeArguments(tool, args, transport === 'socket')
  checkCallSize(tool, sent)
  return sent
}
