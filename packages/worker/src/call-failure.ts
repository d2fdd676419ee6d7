// From a Failure frame to the error of its call. A worker is not trusted: texts are cut, and what cannot be read is
// left out.
import { TerrariumError } from '@terrarium/supervisor/base'
import { FAILURE_CODE, type FailureFrame } from './frame.ts'
import { cut } from './tool-list.ts'
import { PLAIN, type ValueCodec } from './values/codec.ts'
import { inOne } from './values/encoded-value.ts'

/** What is kept of texts that a worker sends, in UTF-16 code units. */
const LONGEST_TEXT = 8_192
const LONGEST_TRACEBACK = 131_072

/** The error that a Failure stands for. `codec` reads the attributes of an exception. `cause`: of the exception. */
export function explainFailure(failure: FailureFrame, codec: ValueCodec, cause?: unknown): TerrariumError {
  const { code } = failure
  const [type, message] = [cut(failure.type, LONGEST_TEXT), cut(failure.message, LONGEST_TEXT)]
  const traceback = cut(failure.traceback, LONGEST_TRACEBACK)
  const place = cut(failure.place, LONGEST_TEXT)
  const hint = failure.hint === '' ? undefined : cut(failure.hint, LONGEST_TEXT)
  switch (code) {
    case FAILURE_CODE.TOOL_NOT_FOUND:
      return new TerrariumError('TOOL_NOT_FOUND', message, { hint })
    case FAILURE_CODE.INVALID_ARGUMENT:
      return new TerrariumError('INVALID_ARGUMENT', message, { hint, details: known({ place, type }) })
    case FAILURE_CODE.CANCELLED:
      return new TerrariumError('CANCELLED', message, { hint })
    case FAILURE_CODE.DEADLINE_EXCEEDED:
      return new TerrariumError('DEADLINE_EXCEEDED', message, { hint })
    case FAILURE_CODE.PAYLOAD_TOO_LARGE:
      return new TerrariumError('PAYLOAD_TOO_LARGE', message, { hint, details: known({ place, type }) })
    case FAILURE_CODE.RESULT_NOT_SENDABLE:
      return new TerrariumError('RESULT_NOT_SENDABLE', message, { hint, details: known({ place, type, traceback }) })
    case FAILURE_CODE.PYTHON_ERROR:
    case UNSPECIFIED:
      return new TerrariumError('PYTHON_ERROR', message === '' ? type : `${type}: ${message}`, {
        hint,
        cause,
        details: { type, message, traceback, ...attributesOf(failure, codec) },
      })
    default:
      return unknownFailure(code, { type, message, traceback })
  }
}

/** What a code is that the worker has not set. */
const UNSPECIFIED = 0

/** A frame has no absent texts. */
function known(details: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(details).filter(([, text]) => text !== ''))
}

/**
 * What the exception carries beside its text, but for what cannot be read here: types that are registered in Python
 * alone.
 */
function attributesOf({ attributes }: FailureFrame, codec: ValueCodec): { readonly attributes?: unknown } {
  const sent = attributes.length === 0 ? undefined : read(PLAIN, attributes)
  if (typeof sent !== 'object' || sent === null) return {}
  const values = Object.entries(sent).map(([name, bytes]) => [name, read(codec, bytes)] as const)
  return { attributes: Object.fromEntries(values.filter(([, value]) => value !== undefined)) }
}

/** The value, or undefined. */
function read(codec: ValueCodec, bytes: unknown): unknown {
  if (!(bytes instanceof Uint8Array)) return undefined
  try {
    return codec.decode(inOne(bytes), 'an attribute')
  } catch {
    return undefined
  }
}

/** A newer worker may fail in ways that this host has no code for. */
function unknownFailure(
  failureCode: number,
  details: Pick<FailureFrame, 'type' | 'message' | 'traceback'>,
): TerrariumError {
  return new TerrariumError(
    'PYTHON_ERROR',
    `${details.message} (failure code ${failureCode}, which this host does not know)`,
    {
      hint: 'The worker is newer than this host: use the Node packages and the Python package of one release.',
      details: { ...details, failureCode },
    },
  )
}
