import { isAborted, isFields, isTerrariumError, reasonOf, TerrariumError, type CallSignal } from '@terrarium/supervisor'
import { checkCallSize, type ValueCodec } from '@terrarium/worker'
import { unreadable } from './own-options.ts'
import { CALL_OPTION_NAMES, validateCall, type CallOptions } from './options.ts'

/** What is called, read and encoded: no code of the user's is left in it but the signal. */
export interface CallRequest {
  readonly tool: string
  /** Encoded once, however often the call is begun. */
  readonly args: Buffer
  /** In ms. */
  readonly timeout: number | undefined
  readonly idempotent: boolean
  readonly signal: CallSignal | undefined
}

/** Reads, checks and encodes what is called. Throws INVALID_ARGUMENT, PAYLOAD_TOO_LARGE or CANCELLED. */
export function requestOf(
  codec: ValueCodec,
  tool: string,
  args: Record<string, unknown>,
  options: CallOptions,
): CallRequest {
  let own: CallOptions
  let isOver: boolean
  try {
    own = ownCallOptions(options)
    validateCall(tool, args, own)
    isOver = own.signal !== undefined && isAborted(own.signal)
  } catch (cause) {
    throw isTerrariumError(cause) ? cause : unreadable('the options of a call', cause)
  }
  const { timeout, signal, idempotent = false } = own
  if (isOver) {
    throw new TerrariumError('CANCELLED', `call of ${tool} was cancelled before it began`, {
      cause: signal && reasonOf(signal),
      details: { tool },
    })
  }
  return { tool, args: encoded(codec, tool, args), timeout, idempotent, signal }
}

/** Each option is read once: what is checked is what is used. */
function ownCallOptions(options: CallOptions): CallOptions {
  if (!isFields(options)) return options // which is refused
  const own: Record<string, unknown> = { ...options }
  for (const name of CALL_OPTION_NAMES) if (!(name in own) && name in options) own[name] = options[name] // inherited
  return own
}

function encoded(codec: ValueCodec, tool: string, args: Record<string, unknown>): Buffer {
  const bytes = codec.encode(args, `the arguments of ${tool.slice(0, 128)}`)
  checkCallSize(tool, bytes)
  return bytes
}
