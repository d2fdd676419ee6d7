// The failures that a worker of a test sends: what `_failure.py` makes in Python, made of errors of JavaScript.
import { isTerrariumError, messageOf, type TerrariumError } from '@terrarium/supervisor/base'
import { FeedError } from './worker-feeds.ts'
import { encode, FAILURE_CODE, type FailureFrame, type ValueCodec, type WorkerFrame } from '@terrarium/worker'

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
  const { name, message, stack } = thrown instanceof Error ? thrown : new Error(messageOf(thrown))
  return failure(id, {
    code: FAILURE_CODE.PYTHON_ERROR,
    message,
    type: name,
    traceback: stack ?? '',
    attributes: thrown instanceof FeedError ? encoded(thrown.attributes, codec) : attributesOf(thrown, codec),
  })
}

function encoded(fields: Readonly<Record<string, unknown>>, codec: ValueCodec): Uint8Array {
  return encode(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, codec.encode(value).bytes])))
}

/** Fields of an error that are told otherwise. */
const TOLD = new Set(['name', 'message', 'stack', 'cause'])

/** The fields of an error that can be sent, each encoded by itself: a field that cannot be read hides no other. */
function attributesOf(thrown: unknown, codec: ValueCodec): Uint8Array {
  if (typeof thrown !== 'object' || thrown === null) return EMPTY.attributes
  const sent = Object.entries(thrown).flatMap(([name, value]: [string, unknown]) => {
    if (TOLD.has(name) || name.startsWith('_') || value === undefined || value === null) return []
    try {
      return [[name, codec.encode(value).bytes] as const]
    } catch {
      return []
    }
  })
  return sent.length === 0 ? EMPTY.attributes : encode(Object.fromEntries(sent))
}
