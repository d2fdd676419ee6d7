// The globals of the JavaScript environment that the package uses, and reports of faults in user code to the
// console.
import { messageOf } from './errors.ts'
import { tellUser } from './user-code.ts'

/**
 * The few globals that every JavaScript platform has and the language itself does not define. The package uses no
 * others, so that it runs in Node, in a browser and in a bare realm that provides timers.
 */
interface Platform {
  readonly setTimeout: (callback: () => void, delay: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly performance: { now(): number }
  readonly console?: { error(...values: unknown[]): void }
  /** Node only: runs `callback` once the event loop has read what has arrived. */
  readonly setImmediate?: (callback: () => void) => unknown
}

export const platform = globalThis as unknown as Platform

/**
 * Called when code of the user's has failed. `what`: for instance "a listener for child.exit of supervisor app failed".
 */
export type OnFault = (what: string, error: unknown) => void

/**
 * Returns `onFault`, guarded: if there is none, or if it fails too, the fault is printed to the console. Never throws.
 */
export function faultReporter(onFault: OnFault | undefined): OnFault {
  if (onFault === undefined) return reportFault
  return (what, error) => {
    tellUser(onFault.bind(undefined, what), error, () => {
      reportFault(what, error)
    })
  }
}

/** Prints a fault of user code that must not disturb the tree. Never throws. */
export function reportFault(what: string, error: unknown): void {
  const { console } = platform
  try {
    console?.error(`[terrarium] ${what}:`, error)
  } catch {
    // The error, or the user's own console, throws when it is printed.
    try {
      console?.error(`[terrarium] ${what}: ${messageOf(error)}`)
    } catch {
      // Nothing can be printed.
    }
  }
}
