/**
 * The few things every JavaScript host has and the language itself does not name. Nothing else of a host is used, so the
 * package runs in Node, in a browser and in a bare realm that provides timers.
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

/** An error of the user's own code that must not disturb the tree, yet must be seen. */
export function reportFault(what: string, error: unknown): void {
  host.console?.error(`[terrarium] ${what}:`, error)
}
