// Random errors for the property test of failure classifiers.
import type { FailureContext } from '../policy/failure.ts'
import type { Draw } from './generate.ts'

/** An error in words, from which it is made. */
export interface ErrorPlan {
  readonly kind: (typeof KINDS)[number]
  readonly message: string
  readonly code?: string | number
  readonly status?: number
  readonly isFrozen?: boolean
  readonly cause?: ErrorPlan
}

export interface ErrorCase {
  readonly error: ErrorPlan
  readonly context: FailureContext
}

const KINDS = ['Error', 'TypeError', 'RangeError', 'AggregateError', 'object'] as const
const MESSAGES = [
  '',
  'boom',
  'connect ECONNREFUSED 127.0.0.1:5432',
  'permission denied',
  '429 Too Many Requests',
  'ü\n☃',
]
const CODES = ['ECONNREFUSED', 'ENOENT', 'EACCES', 'ETIMEDOUT', 'CONFIGURATION', 'EBUSY', 'EADDRINUSE', 'MINE', '', 7]
const STATUSES = [200, 400, 401, 404, 408, 429, 500, 503, NaN]
const DEEPEST = 3

export function drawError(draw: Draw, depth = 0): ErrorPlan {
  return {
    kind: draw.oneOf(KINDS),
    message: draw.oneOf(MESSAGES),
    ...(draw.chance(0.5) ? { code: draw.oneOf(CODES) } : {}),
    ...(draw.chance(0.3) ? { status: draw.oneOf(STATUSES) } : {}),
    ...(draw.chance(0.1) ? { isFrozen: true } : {}),
    ...(depth < DEEPEST && draw.chance(0.3) ? { cause: drawError(draw, depth + 1) } : {}),
  }
}

export function drawContext(draw: Draw): FailureContext {
  const phase = draw.oneOf(['start', 'run'] as const)
  return Object.freeze({ id: 'child', phase, attempts: draw.whole(1, 20), uptime: draw.whole(0, 100_000) })
}

export function makeError({ kind, message, code, status, isFrozen, cause }: ErrorPlan): object {
  const more = {
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    ...(cause === undefined ? {} : { cause: makeError(cause) }),
  }
  const error = Object.assign(bare(kind, message), more)
  return isFrozen === true ? Object.freeze(error) : error
}

function bare(kind: ErrorPlan['kind'], message: string): object {
  switch (kind) {
    case 'TypeError':
      return new TypeError(message)
    case 'RangeError':
      return new RangeError(message)
    case 'AggregateError':
      return new AggregateError([new Error(message)], message)
    case 'Error':
      return new Error(message)
    case 'object':
      return { message }
  }
}

export function* smallerErrors(error: ErrorPlan): Generator<ErrorPlan> {
  const { cause, kind, message } = error
  if (cause !== undefined) {
    yield cause
    for (const smaller of smallerErrors(cause)) yield { ...error, cause: smaller }
  }
  for (const name of ['cause', 'status', 'code', 'isFrozen'] as const) {
    if (error[name] === undefined) continue
    const { [name]: _, ...rest } = error
    yield rest
  }
  if (kind !== 'Error') yield { ...error, kind: 'Error' }
  if (message !== '') yield { ...error, message: '' }
}

export function* smallerCases({ error, context }: ErrorCase): Generator<ErrorCase> {
  for (const smaller of smallerErrors(error)) yield { error: smaller, context }
  const { attempts, uptime } = context
  if (attempts > 1) yield { error, context: Object.freeze({ ...context, attempts: 1 }) }
  if (attempts > 1) yield { error, context: Object.freeze({ ...context, attempts: attempts - 1 }) }
  if (uptime > 0) yield { error, context: Object.freeze({ ...context, uptime: 0 }) }
}

export function tellCase({ error, context }: ErrorCase): string {
  const { phase, attempts, uptime } = context
  return `${JSON.stringify(error)}, phase ${phase}, attempts ${attempts}, uptime ${uptime} ms`
}
