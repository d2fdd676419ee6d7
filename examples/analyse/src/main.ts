// The main job: analyses a tree of Python files with a pool of workers.
import { inOrder } from '@terrarium/cli'
import { findTagged, readIdentity } from '@terrarium/process'
import type { Pool } from '@terrarium/pool'
import { HELP, parseOptions, type Options } from './arguments.ts'
import { listSources } from './files.ts'
import { describeFigures, describeSummary, describeUnreadable } from './report.ts'
import { openPool, run } from './run.ts'
import type { Screen } from './progress.ts'
import { digest, summarise } from './summary.ts'

/**
 * The main job. Resolves with the exit code: 0 done and no process left, 1 failed, 2 wrong usage, 128 + N ended by
 * signal N.
 */
export function main(argv: readonly string[]): Promise<number> {
  return inOrder(async (signal) => {
    const options = parseOptions(argv)
    if (options !== 'help') return analyseTree(options, signal)
    process.stdout.write(HELP)
    return 0
  })
}

async function analyseTree(options: Options, signal: AbortSignal): Promise<number> {
  const { directory, workers, chaos, json } = options
  const screen: Screen = json ? process.stderr : process.stdout
  const say = (line: string): void => void screen.write(`${line}\n`)
  // A directory that cannot be used is refused before any process is started.
  const listing = directory === undefined ? undefined : await listSources(directory, signal)

  const pool = openPool(workers)
  const census = watchProcesses(pool)
  signal.addEventListener('abort', () => {
    const { message } = signal.reason as Error
    say(`\nEnding: ${message}.`)
    void pool.stop()
  })
  let left: number
  let figures: object
  let fingerprint: string
  try {
    const done = await run(pool, { listing, workers, chaos, screen }, signal)
    const summary = summarise(done.entries)
    const { files, parsed, failed, functions, classes } = summary
    say(`\n${describeSummary(summary)}\n`)
    for (const line of describeUnreadable(done.listing.unreadable)) say(line)
    say(describeFigures(done.figures))
    fingerprint = digest(summary)
    say(`digest ${fingerprint}`)
    figures = { files, parsed, failed, functions, classes, ...done.figures }
  } finally {
    const { processesLeft } = await pool.stop()
    left = Math.max(processesLeft, census())
    say(`processes left: ${left}`)
  }
  if (json) process.stdout.write(`${JSON.stringify({ ...figures, processesLeft: left, digest: fingerprint })}\n`)
  return left === 0 ? 0 : 1
}

/** Returns a function that counts the processes of the pool's run on the whole system, without asking the pool. */
function watchProcesses(pool: Pool): () => number {
  let run: { installation: string; run: string } | undefined
  pool.on('worker.ready', ({ pid }) => {
    run ??= readIdentity(pid)
  })
  return () => (run === undefined ? 0 : findTagged({ installation: run.installation, run: run.run }).length)
}
