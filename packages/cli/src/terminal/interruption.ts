import { watchNpm } from './npm.ts'

/** Why a program was asked to end. The reason of the aborted signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

export interface InterruptionWatch {
  readonly signal: AbortSignal
  release(): void
}

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Ending = keyof typeof EXIT_CODES

/** How often it is looked whether npm is there, in ms. */
const LOOK_EVERY = 250
/**
 * npm passes on the SIGINT that the terminal has delivered already: the same again within this many ms is the same one.
 */
const ECHO = 300

/**
 * The first SIGINT, SIGTERM or SIGHUP aborts the signal, a second one exits at once (workers die with their lifelines).
 * Under npm its death counts as SIGHUP: after a SIGKILL npm can pass nothing on. A reader of stdout that has gone away
 * (`| head`) aborts too, with exit code 0.
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
    if (error.code === 'EPIPE') interrupt('nobody reads the output', 0)
    else interrupt(`the output cannot be written: ${error.message}`, 1)
  }
  // Where errors are told: when that is gone, there is nobody to tell.
  const onBrokenErrors = (): void => undefined

  for (const name of Object.keys(EXIT_CODES)) process.on(name, onSignal)
  process.stdout.on('error', onBrokenOutput)
  process.stderr.on('error', onBrokenErrors)
  const looking = setInterval(() => {
    if (isNpmThere?.() === false) interrupt('npm is gone', EXIT_CODES.SIGHUP)
  }, LOOK_EVERY).unref()

  return {
    signal: controller.signal,
    release() {
      clearInterval(looking)
      for (const name of Object.keys(EXIT_CODES)) process.off(name, onSignal)
      // A failed write is told a tick later.
      setImmediate(() => {
        process.stdout.off('error', onBrokenOutput)
        process.stderr.off('error', onBrokenErrors)
      })
    },
  }
}
