// What asks a program in a terminal to end: signals, the exit of its npm, and a closed output.
import { watchNpm } from './npm.ts'

/** Why a program was asked to end: the reason of its aborted signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/** A watch for interruptions. */
export interface InterruptionWatch {
  /** Aborted with an {@link Interruption}. */
  readonly signal: AbortSignal
  /** Stops watching. */
  release(): void
}

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Ending = keyof typeof EXIT_CODES

/** Time between two checks that npm is alive, in ms. */
const LOOK_EVERY = 250
/**
 * The same signal again within this many ms counts once: npm passes on a SIGINT that the terminal has delivered
 * already.
 */
const ECHO = 300

/**
 * Watches for interruptions. The first SIGINT, SIGTERM or SIGHUP aborts the signal; a second one exits at once, and the
 * lifelines kill the workers. Under npm, npm's exit counts as SIGHUP: npm passes no signal on when it is killed. A
 * closed stdout (`| head`) aborts the signal too, with exit code 0.
 */
export function watchForInterruption(): InterruptionWatch {
  const controller = new AbortController()
  const isNpmThere = watchNpm()
  let first: { name: Ending; at: number } | undefined

  const interrupt = (message: string, exitCode: number): void => {
    if (!controller.signal.aborted) controller.abort(new Interruption(message, exitCode))
  }
  const onSignal = (name: NodeJS.Signals): void => {
    const ending = name as Ending
    const now = performance.now()
    if (first === undefined) {
      first = { name: ending, at: now }
      interrupt(name, EXIT_CODES[ending])
    } else if (!(isNpmThere !== undefined && first.name === ending && now - first.at < ECHO)) {
      process.exit(EXIT_CODES[ending])
    }
  }
  const onBrokenOutput = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') interrupt('the output is closed', 0)
    else interrupt(`the output cannot be written: ${error.message}`, 1)
  }
  // A closed stderr is ignored: it is where the failure would be written.
  const onBrokenErrors = (): void => undefined

  for (const name of Object.keys(EXIT_CODES)) process.on(name, onSignal)
  process.stdout.on('error', onBrokenOutput)
  process.stderr.on('error', onBrokenErrors)
  const looking = setInterval(() => {
    if (isNpmThere?.() === false) interrupt('npm has exited', EXIT_CODES.SIGHUP)
  }, LOOK_EVERY).unref()

  return {
    signal: controller.signal,
    release() {
      clearInterval(looking)
      for (const name of Object.keys(EXIT_CODES)) process.off(name, onSignal)
      // A failed write emits its error a tick later.
      setImmediate(() => {
        process.stdout.off('error', onBrokenOutput)
        process.stderr.off('error', onBrokenErrors)
      })
    },
  }
}
