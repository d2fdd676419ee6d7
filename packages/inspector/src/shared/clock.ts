// The time of a tap, which tests replace.

export interface Clock {
  /** Ms since the epoch, with fractions where the engine has them. */
  now(): number
  /** Runs the function after so many ms, unless the timer is cancelled. It keeps no process alive. */
  after(ms: number, run: () => void): () => void
}

interface Timers {
  readonly performance: { readonly timeOrigin: number; now(): number }
  setTimeout(run: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

const { performance } = globalThis as unknown as Timers
/** Read once, because this getter takes as long as reading the clock. */
const { timeOrigin } = performance

/** The clock of the engine. */
export const systemClock: Clock = {
  now: () => timeOrigin + performance.now(),
  after(ms, run) {
    const timers = globalThis as unknown as Timers
    const timer = timers.setTimeout(run, ms)
    // Timers of browsers are numbers.
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
    return () => {
      timers.clearTimeout(timer)
    }
  },
}
