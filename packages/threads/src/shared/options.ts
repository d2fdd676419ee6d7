// The options that threads of Node and of browsers share, their defaults and their checks.
import { isDuration, isFunction, isName, type Checker, type Fields, type OnFault } from '@terrarium/supervisor/base'
import type { ThreadSettings } from './logic.ts'

export interface ThreadOptions {
  /** For people: in errors, and in tools that list threads. Default: the id of the actor. */
  readonly name?: string | undefined
  /**
   * How long the first snapshot from inside may take, in ms of the actor system's clock. Loading the module counts.
   * Default 30,000.
   */
  readonly startTimeout?: number | undefined
  /** Called for an event that cannot be sent, with an INVALID_ARGUMENT error. Default: `console.error`. */
  readonly onFault?: OnFault | undefined
}

/** In ms. */
export const START_TIMEOUT_MS = 30_000

/** Adds the mistakes in the options that all threads have. */
export function checkThreadOptions(check: Checker, options: Fields): void {
  check.field(options, 'name', isName, 'a non-empty string')
  check.field(options, 'startTimeout', (value) => isDuration(value) && value > 0, 'ms, more than 0')
  check.field(options, 'onFault', isFunction, 'a function')
}

export function settingsOf(options: ThreadOptions, isUnreferenced: boolean): ThreadSettings {
  const { name, startTimeout = START_TIMEOUT_MS, onFault } = options
  return { name, startTimeout, onFault, isUnreferenced }
}

/** An address that can be passed on: a `URL`, or its text. */
export type Address = string | { readonly href: string }

export const hrefOf = (address: Address): string => (typeof address === 'string' ? address : address.href)

export function isAddress(value: unknown): boolean {
  if (isName(value)) return true
  return typeof value === 'object' && value !== null && isName((value as { href?: unknown }).href)
}
