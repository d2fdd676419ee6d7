// The failures that a worker of a test sends: what `_failure.py` makes in Python, made of errors of JavaScript.
import { isTerrariumError, messageOf, type TerrariumError } from '@terrarium/supervisor/base'
import { encode, FAILURE_CODE, thrownIn, type FailureFrame, type ValueCodec, type WorkerFrame } from '@terrarium/worker'
import { FeedError } from './worker-feeds.ts'
import { HostCallError } from './worker-host.ts'

type Given = Partial<FailureFrame> & Pick<FailureFrame, 'code' | 'message'>

const EMPTY: Omit<FailureFrame, 'id' | 'code' | 'message'> = {
  kind: 'failure',
  type: '',
  traceback: '',
  notBegun: false,
  attributes: Buffer.alloc(0),
  hint: '',
  place: '',
}

function failure(id: number, given: Given): WorkerFrame {
  return { ...EMPTY, ...given, message: oneLine(given.message), id }
}

const oneLine = (text: string): string => text.split('\n').join(' ')

export const cancelled = (id: number, message = 'the call was cancelled', notBegun = false): WorkerFrame =>
  failure(id, { code: FAILURE_CODE.CANCELLED, message, notBegun })

export const tooLate = (id: number, message: string, notBegun = false): WorkerFrame =>
  failure(id, { code: FAILURE_CODE.DEADLINE_EXCEEDED, message, notBegun })

/** Arguments that do not fit the tool, or cannot be read. */
export const invalidArgument = (id: number, why: unknown): WorkerFrame =>
  failure(id, {
    ...(isTerrariumError(why) ? refusalIn(why) : { message: messageOf(why) }),
    code: FAILURE_CODE.INVALID_ARGUMENT,
    notBegun: true,
  })

/** A result that cannot be sent: what the codec has thrown. */
export function notSendable(id: number, error: unknown): WorkerFrame {
  if (!isTerrariumError(error))
    return failure(id, { code: FAILURE_CODE.RESULT_NOT_SENDABLE, message: messageOf(error) })
  const isTooLarge = error.code === 'PAYLOAD_TOO_LARGE'
  return failure(id, {
    ...refusalIn(error),
    code: isTooLarge ? FAILURE_CODE.PAYLOAD_TOO_LARGE : FAILURE_CODE.RESULT_NOT_SENDABLE,
  })
}

function refusalIn({
  message,
  hint = '',
  details,
}: TerrariumError): Pick<FailureFrame, 'message' | 'hint' | 'place' | 'type'> {
  const { place, type } = details
  return { message, hint, place: textOf(place), type: textOf(type) }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What a tool has thrown. */
export function raised(id: number, thrown: unknown, codec: ValueCodec): WorkerFrame {
  const hostCall = HostCallError.numberBehind(thrown)
  const told = thrownIn(thrown, codec)
  const attributes = thrown instanceof FeedError ? encoded(thrown.attributes, codec) : told.attributes
  return failure(id, { ...told, attributes, code: FAILURE_CODE.PYTHON_ERROR, hint: '', place: '', hostCall })
}

function encoded(fields: Readonly<Record<string, unknown>>, codec: ValueCodec): Uint8Array {
  return encode(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, codec.encode(value).bytes])))
}
