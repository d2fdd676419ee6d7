import { exitCodeOf, explain } from './explain.ts'
import { Interruption, watchForInterruption } from './interruption.ts'

/**
 * Runs the body of a command and answers its exit code. The signal is aborted when the program is asked to end (SIGINT,
 * SIGTERM, SIGHUP, its npm is gone, nobody reads its output): the body then ends what it has started and returns or
 * throws as it likes, the exit code is 128 + the signal's number. Errors are printed, see {@link explain}.
 */
export async function inOrder(body: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const watch = watchForInterruption()
  const interrupted = (): Interruption | undefined =>
    watch.signal.reason instanceof Interruption ? watch.signal.reason : undefined
  try {
    const code = await body(watch.signal)
    return interrupted()?.exitCode ?? code
  } catch (error) {
    const interruption = interrupted()
    if (interruption !== undefined) return interruption.exitCode
    process.stderr.write(`${explain(error)}\n`)
    return exitCodeOf(error)
  } finally {
    watch.release()
  }
}
