import { isFields, messageOf, TerrariumError } from '@terrarium/supervisor'
import type { PoolOptions } from './options.ts'

/**
 * The options as they are now, each read once: whatever the user's object does later is nothing to a pool. Throws
 * INVALID_ARGUMENT when one cannot be read.
 */
export function ownOptions(options: PoolOptions): PoolOptions {
  if (!isFields(options)) return options // which is refused
  try {
    const entries = Object.entries(options as object).map(
      ([name, value]: [string, unknown]) => [name, PLAIN.has(name) ? copyOf(value) : value] as const,
    )
    return Object.fromEntries(entries) as unknown as PoolOptions
  } catch (cause) {
    throw unreadable('the options of a pool', cause)
  }
}

/** Options that are data, and no instances of anything. */
const PLAIN: ReadonlySet<string> = new Set<keyof PoolOptions>([
  'tools',
  'env',
  'heartbeat',
  'backoff',
  'breaker',
  'types',
])

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  return isFields(value) && !(value instanceof URL) ? { ...value } : value
}

export const unreadable = (what: string, cause: unknown): TerrariumError =>
  new TerrariumError('INVALID_ARGUMENT', `${what} cannot be read: ${messageOf(cause)}`, { cause })
