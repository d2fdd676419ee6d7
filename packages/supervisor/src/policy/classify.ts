// Sorts failures into classes: by the error itself, by rules of the user's, by a built-in table.
import { askUser } from '../base/user-code.ts'
import { show } from '../base/show.ts'
import type { FailureClass, FailureClassifier, FailureContext } from './failure.ts'
import { recordOf } from './recorded.ts'

/** The classes of error codes of Node, of operating systems and of Terrarium. */
const BY_CODE: Readonly<Record<string, FailureClass>> = {
  CONFIGURATION: 'configuration',
  MODULE_NOT_FOUND: 'configuration',
  ERR_MODULE_NOT_FOUND: 'configuration',
  EACCES: 'configuration',
  EISDIR: 'configuration',
  ENOTDIR: 'configuration',
  ENOENT: 'configuration',
  ECONNREFUSED: 'transient',
  ECONNRESET: 'transient',
  ETIMEDOUT: 'transient',
  EAI_AGAIN: 'transient',
  EPIPE: 'transient',
  WORKER_CRASHED: 'unknown',
  PYTHON_ERROR: 'unknown',
  DEADLINE_EXCEEDED: 'transient',
  EMFILE: 'overload',
  ENFILE: 'overload',
  ENOMEM: 'overload',
  POOL_SATURATED: 'overload',
  QUEUE_TIMEOUT: 'overload',
  ABORT_ERR: 'cancelled',
  CANCELLED: 'cancelled',
}

/** After this many attempts a port in use or an unknown host name counts as a configuration error. */
export const PATIENCE = 3
const PATIENT_CODES: ReadonlySet<string> = new Set(['EADDRINUSE', 'ENOTFOUND'])

const BY_NAME: Readonly<Record<string, FailureClass>> = {
  TypeError: 'bug',
  ReferenceError: 'bug',
  SyntaxError: 'bug',
  RangeError: 'bug',
  AssertionError: 'bug',
  AbortError: 'cancelled',
}

const CONFIGURATION_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 422])
const FAILURE_CLASSES: ReadonlySet<unknown> = new Set<FailureClass>([
  'configuration',
  'bug',
  'transient',
  'overload',
  'cancelled',
  'unknown',
])

/** The number of causes that are looked at: a longer chain may be circular. */
const DEEPEST_CAUSE = 8

interface ErrorLike {
  readonly name?: unknown
  readonly code?: unknown
  readonly status?: unknown
  readonly statusCode?: unknown
  readonly syscall?: unknown
  readonly cause?: unknown
  readonly supervision?: { readonly class?: unknown }
}

/**
 * The class of a failure. The first source that has one decides: the error's own `supervision.class`, the user's
 * classifier, the built-in table, and then the same table for the causes of the error. Never throws; `failed` is called
 * with a fault of the user's classifier.
 */
export function classify(
  error: unknown,
  context: FailureContext,
  rules: FailureClassifier | undefined,
  failed: (fault: unknown) => void = () => undefined,
): FailureClass {
  try {
    const own = ownClass(error)
    if (own !== undefined) return own
    const ruled = rules === undefined ? undefined : ask(rules, error, context, failed)
    if (ruled !== undefined) return ruled
    return classifyChain(error, context.attempts)
  } catch {
    return 'unknown'
  }
}

/** The class that an error itself names. */
export function ownClass(error: unknown): FailureClass | undefined {
  const record = recordOf(error)
  if (record !== undefined) return record.own
  const own = asErrorLike(error)?.supervision?.class
  return isFailureClass(own) ? own : undefined
}

/** Asks the user's classifier. `undefined` if it fails. */
function ask(
  rules: FailureClassifier,
  error: unknown,
  context: FailureContext,
  failed: (fault: unknown) => void,
): FailureClass | undefined {
  try {
    const answer: unknown = askUser(() => rules(error, context))
    if (answer === undefined || isFailureClass(answer)) return answer
    throw new TypeError(`it must answer with a failure class or undefined, not ${show(answer)}`)
  } catch (fault) {
    failed(fault)
    return undefined
  }
}

function classifyChain(error: unknown, attempts: number): FailureClass {
  const record = recordOf(error)
  if (record !== undefined) return attempts > PATIENCE ? (record.later ?? record.class) : record.class
  let link: unknown = error
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    const like = asErrorLike(link)
    if (like === undefined) break
    const found = byTable(like, attempts)
    if (found !== undefined) return found
    link = like.cause
  }
  return 'unknown'
}

function byTable(error: ErrorLike, attempts: number): FailureClass | undefined {
  const { code, name } = error
  if (typeof code === 'string') {
    if (code === 'ENOENT' && error.syscall === 'connect') return 'transient' // the server has not started yet
    if (PATIENT_CODES.has(code)) return attempts <= PATIENCE ? 'transient' : 'configuration'
    if (code.startsWith('ERR_INVALID_ARG')) return 'configuration'
    const found = BY_CODE[code]
    if (found !== undefined) return found
  }
  const status = error.status ?? error.statusCode
  if (typeof status === 'number') {
    if (CONFIGURATION_STATUSES.has(status)) return 'configuration'
    if (status === 429) return 'overload'
    if (status === 408 || (status >= 500 && status < 600)) return 'transient'
  }
  return typeof name === 'string' ? BY_NAME[name] : undefined
}

function asErrorLike(error: unknown): ErrorLike | undefined {
  return typeof error === 'object' && error !== null ? error : undefined
}

export function isFailureClass(value: unknown): value is FailureClass {
  return FAILURE_CLASSES.has(value)
}
