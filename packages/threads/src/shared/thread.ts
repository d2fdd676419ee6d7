// A thread as the host sees it: what Node's worker threads and the Web Workers of browsers have in common.
import type { News, Order } from './protocol.ts'

/** A thread that was started. */
export interface Thread {
  /** Throws what a structured clone throws. */
  post(order: Order): void
  /** Ends the thread at once, in whatever it is. The end is told to the listener. Idempotent. */
  terminate(): void
  /** Whether the thread keeps the host process alive. Does nothing in a browser. */
  setReferenced(isReferenced: boolean): void
}

/** What a host hears of a thread. */
export interface ThreadListener {
  readonly heard: (news: News) => void
  /** The thread fails, by an error that no code in it has caught; or a message of it cannot be read. */
  readonly failed: (error: unknown, kind: 'uncaught' | 'memory' | 'unreadable') => void
  /** Nothing of the thread is left. */
  readonly exited: (exitCode: number | undefined) => void
}

/** How one thread is started. */
export interface ThreadSource {
  /** For people: the address of the module. */
  readonly module: string
  /** True: an uncaught error ends the thread. Browsers let it go on. */
  readonly endsWhenUncaught: boolean
  /** Throws if the thread cannot be made. */
  open(listener: ThreadListener, id: string): Thread
}
