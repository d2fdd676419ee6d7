// Logging that never fails. Loggers come from users and may throw or reject; the guarded logger keeps that away from
// the code that supervises processes.
import { destination, pino, symbols, type Logger } from 'pino'
import { reportFault, reportOnce, tellUser } from '@terrarium/supervisor/base'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** What Terrarium uses of a logger: pino's has it, and so has any object with these five methods. */
export interface AnyLogger extends Record<Level, (facts: object, message: string) => void> {
  child(bindings: Record<string, unknown>): AnyLogger
}

/**
 * The logger of a runtime, a pool or a kept program: the given logger with these bindings. Default: a logger that
 * writes warnings and errors to standard error. It never throws. What the given logger throws or rejects with, and an
 * error of the stream it writes to, is written to the console, the first time only.
 */
export function guardLogger(given: Logger | AnyLogger | undefined, bindings: Record<string, unknown>): AnyLogger {
  if (given instanceof GuardedLogger) return given.child(bindings)
  const logger = given ?? pino({ level: 'warn' }, destination(2))
  const report = reportOnce(reportFault)
  const failed = (error: unknown): void => {
    report('the logger failed', error)
  }
  watchStream(logger, failed)
  return new GuardedLogger(logger, {}, failed).child(bindings)
}

class GuardedLogger implements AnyLogger {
  readonly #logger: Logger | AnyLogger
  /** Bindings for which the given logger's `child()` failed. They are added to each line instead. */
  readonly #facts: object
  readonly #failed: (error: unknown) => void

  constructor(logger: Logger | AnyLogger, facts: object, failed: (error: unknown) => void) {
    this.#logger = logger
    this.#facts = facts
    this.#failed = failed
  }

  debug(facts: object, message: string): void {
    this.#write('debug', facts, message)
  }

  info(facts: object, message: string): void {
    this.#write('info', facts, message)
  }

  warn(facts: object, message: string): void {
    this.#write('warn', facts, message)
  }

  error(facts: object, message: string): void {
    this.#write('error', facts, message)
  }

  child(bindings: Record<string, unknown>): AnyLogger {
    try {
      const child: unknown = this.#logger.child(bindings)
      if (typeof child === 'object' && child !== null && 'error' in child) {
        return new GuardedLogger(child as AnyLogger, this.#facts, this.#failed)
      }
      this.#failed(new TypeError('child() must answer with a logger'))
      tellUser(() => child, undefined, this.#failed) // handles a rejection, in case child() answered with a promise
    } catch (error) {
      this.#failed(error)
    }
    return new GuardedLogger(this.#logger, { ...this.#facts, ...bindings }, this.#failed)
  }

  #write(level: Level, facts: object, message: string): void {
    const write = (all: object): unknown =>
      (this.#logger as Record<Level, (facts: object, message: string) => unknown>)[level](all, message)
    tellUser(write, { ...this.#facts, ...facts }, this.#failed)
  }
}

/**
 * Set on a stream that has a listener for errors. A property of the stream itself: copies of this package (Jest loads
 * one for each test file) may share the stream.
 */
const WATCHED = Symbol.for('terrarium.watched')

interface Emitter {
  [WATCHED]?: true
  on?: (event: 'error', listener: (error: unknown) => void) => unknown
  /** The streams behind pino.multistream(). */
  readonly streams?: readonly { readonly stream?: Emitter }[]
}

/** Listens for `error` on the logger's stream: without a listener the event ends the host, and with it all workers. */
function watchStream(logger: Logger | AnyLogger, failed: (error: unknown) => void): void {
  try {
    const stream = (logger as { readonly [symbols.streamSym]?: Emitter })[symbols.streamSym]
    for (const each of [stream, ...(stream?.streams ?? []).map(({ stream: inner }) => inner)]) {
      if (each?.on === undefined || each[WATCHED] === true) continue
      each[WATCHED] = true
      each.on('error', failed)
    }
  } catch (error) {
    failed(error)
  }
}
