import { isAborted, messageOf, reasonOf, TerrariumError, type CallSignal, type CallSite } from '@terrarium/supervisor'
import { checkCallSize, encode } from '@terrarium/worker'
import { unreadable } from './own-options.ts'
import { validateCall, type CallOptions } from './options.ts'

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

/** A request, and where it was made, if that is remembered. */
export type PlacedRequest = CallRequest & { readonly site: CallSite | undefined }

/** Reads, checks and encodes what is called. Throws INVALID_ARGUMENT, PAYLOAD_TOO_LARGE or CANCELLED. */
export function requestOf(tool: string, args: Record<string, unknown>, options: CallOptions): CallRequest {
  const { timeout, signal, idempotent, isOver } = readOnce(options)
  validateCall(tool, args, { timeout, signal, idempotent } as CallOptions)
  if (signal !== undefined && isOver) {
    throw new TerrariumError('CANCELLED', `call of ${tool} was cancelled before it began`, {
      cause: reasonOf(signal),
      details: { tool },
    })
  }
  return { tool, args: encoded(tool, args), timeout, idempotent: idempotent ?? false, signal }
}

type Read = { readonly [K in keyof CallOptions]-?: CallOptions[K] | undefined } & { readonly isOver: boolean }

/** Each option is read once: what is checked is what is used. */
function readOnce(options: CallOptions): Read {
  try {
    const { timeout, signal, idempotent } = options
    return { timeout, signal, idempotent, isOver: signal !== undefined && isAborted(signal) }
  } catch (cause) {
    throw unreadable('the options of a call', cause)
  }
}

function encoded(tool: string, args: Record<string, unknown>): Buffer {
  let bytes: Buffer
  try {
    bytes = encode(args)
  } catch (cause) {
    throw new TerrariumError('INVALID_ARGUMENT', `the arguments of ${tool} cannot be sent: ${messageOf(cause)}`, {
      hint: 'Send only objects with string keys, arrays, strings, numbers, booleans, null, Buffers and Dates.',
      cause,
    })
  }
  checkCallSize(tool, bytes)
  return bytes
}
