// Exit reasons and errors as plain data. A structured clone of an error loses its class, its code and its other
// fields, by which supervisors tell failures apart.
import { TerrariumError, messageOf, type ErrorCode, type ExitReason } from '@terrarium/supervisor/base'
import { isCloneable } from './cloning.ts'

/** An exit reason, with its error as plain data. */
export type PortableReason =
  | Exclude<ExitReason, { type: 'error' }>
  | { readonly type: 'error'; readonly thrown: PortableThrown }

/** A thrown value. `value`: what was thrown and is no error. */
type PortableThrown = { readonly error: PortableError } | { readonly value: unknown }

interface PortableError {
  /** The name of the error, or of its class if the error has no name of its own. */
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly hint: string | undefined
  readonly cause: PortableThrown | undefined
  /** The other fields that can be cloned, `code` among them. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** The number of causes that are kept: a longer chain may be circular. */
const DEEPEST_CAUSE = 8

const OWN: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'hint'])

/** Makes a reason plain. An output that cannot be cloned is an error, which `refused` makes. */
export function toPortable(reason: ExitReason, refused: (output: unknown, cause: unknown) => Error): PortableReason {
  if (reason.type === 'error') return { type: 'error', thrown: thrownOf(reason.error, 0) }
  try {
    structuredClone(reason)
    return reason
  } catch (cause) {
    const output = reason.type === 'normal' ? reason.output : reason
    return { type: 'error', thrown: thrownOf(refused(output, cause), 0) }
  }
}

export function fromPortable(reason: PortableReason): ExitReason {
  return reason.type === 'error' ? { type: 'error', error: revived(reason.thrown) } : reason
}

function thrownOf(thrown: unknown, depth: number): PortableThrown {
  if (!(thrown instanceof Error)) return { value: isCloneable(thrown) ? thrown : messageOf(thrown) }
  const { message, stack, cause } = thrown
  const { hint } = thrown as { hint?: unknown }
  const others = Object.entries(thrown).filter(([name]) => !OWN.has(name))
  return {
    error: {
      name: nameOf(thrown),
      message,
      stack,
      hint: typeof hint === 'string' ? hint : undefined,
      cause: cause === undefined || depth === DEEPEST_CAUSE ? undefined : thrownOf(cause, depth + 1),
      fields: Object.fromEntries(others.filter(([, value]) => isCloneable(value))),
    },
  }
}

function nameOf({ name, constructor }: Error): string {
  return name === 'Error' && constructor.name !== '' ? constructor.name : name
}

function revived(thrown: PortableThrown): unknown {
  if (!('error' in thrown)) return thrown.value
  const { name, message, stack, hint, fields, cause: inner } = thrown.error
  const cause = inner === undefined ? undefined : revived(inner)
  const error =
    name === 'TerrariumError'
      ? new TerrariumError(fields['code'] as ErrorCode, message, { hint, cause })
      : new Error(message, cause === undefined ? undefined : { cause })
  Object.assign(error, fields)
  const hidden = { writable: true, configurable: true }
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, ...hidden })
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack, ...hidden })
  if (hint !== undefined && error.name !== 'TerrariumError') Object.assign(error, { hint })
  return error
}
