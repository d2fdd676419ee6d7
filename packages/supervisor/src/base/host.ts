import { messageOf } from './errors.ts'
import { tellUser } from './user-code.ts'

/**
 * The few things every JavaScript host has and the language itself does not name. Nothing else of a host is used, so
 * the package runs in Node, in a browser and in a bare realm that provides timers.
 */
interface Host {
  readonly setTimeout: (callback: () => void, delay: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly performance: { now(): number }
  readonly console?: { error(...values: unknown[]): void }
  /** Node has it: runs `callback` once what has arrived meanwhile was read. */
  readonly setImmediate?: (callback: () => void) => unknown
}

export const host = globalThis as unknown as Host

/** Told what of the user's own code has failed, such as "a listener for child.exit of supervisor app failed". */
export type OnFault = (what: string, error: unknown) => void

/** Tells `onFault`; without one, or if it fails too, the console. Never throws. */
export function faultReporter(onFault: OnFault | undefined): OnFault {
  if (onFault === undefined) return reportFault
  return (what, error) => {
    tellUser(onFault.bind(undefined, what), error, () => {
      reportFault(what, error)
    })
  }
}

/** An error of the user's own code that must not disturb the tree, yet must be seen. Never throws. */
export function reportFault(what: string, error: unknown): void {
  const { console } = host
  try {
    console?.error(`[terrarium] ${what}:`, error)
  } catch {
    // The error cannot be printed, because it is made so or because the console is the user's too.
    try {
      console?.error(`[terrarium] ${what}: ${messageOf(error)}`)
    } catch {
      // There is nobody to tell.
    }
  }
}
