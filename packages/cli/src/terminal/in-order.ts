import { exitCodeOf, explain } from './explain.ts'
import { Interruption, watchForInterruption } from './interruption.ts'

/**
 * Runs the body of a command and answers its exit code. The signal is aborted when the program is asked to end (SIGINT,
 * SIGTERM, SIGHUP, its npm is gone, nobody reads its output): the body then ends what it has started and returns or
 * throws as it likes, the exit code is 128 + the signal's number. Errors are printed, see {@link explain}.
 */
export async function inOrder(body: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const watch = watchForInterruption()
  /** The exit code of a program that was interrupted. */
  const interrupted = (): number | undefined => {
    const reason: unknown = watch.signal.reason
    if (!(reason instanceof Interruption)) return undefined
    if (reason.exitCode === 1) process.stderr.write(`${reason.message}\n`)
    return reason.exitCode
  }
  try {
    const code = await body(watch.signal)
    return interrupted() ?? code
  } catch (error) {
    const code = interrupted()
    if (code !== undefined) return code
    process.stderr.write(`${explain(error)}\n`)
    return exitCodeOf(error)
  } finally {
    watch.release()
  }
}
