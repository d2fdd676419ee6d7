// Runs a program in a terminal, from its arguments to its exit code, and ends it in order when it is interrupted.
import { exitCodeOf, explain } from './explain.ts'
import { Interruption, watchForInterruption } from './interruption.ts'

/**
 * Runs the body of a command and resolves with its exit code. The body's signal is aborted when the program is asked to
 * end: by SIGINT, SIGTERM or SIGHUP, when its npm has exited, or when its output is closed. The body then stops what it
 * has started. Whether it returns or throws, the exit code is 128 + the signal's number, or 0 for a closed output.
 * Errors are written to stderr, see {@link explain}.
 */
export async function inOrder(body: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const watch = watchForInterruption()
  /** The exit code after an interruption; undefined when there was none. */
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
