// The main job: analyses a tree of Python files with a pool of workers.
import { once } from 'node:events'
import { dirname } from 'node:path'
import { inOrder, openInBrowser } from '@terrarium/cli'
import { observe, type Observer } from '@terrarium/observe'
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
  const { directory, workers, chaos, watch, json } = options
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
  let observer: Observer | undefined
  let left: number
  let figures: object
  let fingerprint: string
  try {
    if (watch) observer = await showPage(pool, say)
    const done = await run(pool, { listing, workers, chaos, screen }, signal)
    const summary = summarise(done.entries)
    const { files, parsed, failed, functions, classes } = summary
    say(`\n${describeSummary(summary)}\n`)
    for (const line of describeUnreadable(done.listing.unreadable)) say(line)
    say(describeFigures(done.figures))
    fingerprint = digest(summary)
    say(`digest ${fingerprint}`)
    if (watch) await whileWatched(signal, say)
    figures = { files, parsed, failed, functions, classes, ...done.figures }
  } finally {
    const { processesLeft } = await pool.stop()
    await observer?.stop()
    left = Math.max(processesLeft, census())
    say(`processes left: ${left}`)
  }
  if (json) process.stdout.write(`${JSON.stringify({ ...figures, processesLeft: left, digest: fingerprint })}\n`)
  return left === 0 ? 0 : 1
}

/** Serves a page that shows the pool, says where, and opens it in a browser if this is a terminal. */
async function showPage(pool: Pool, say: (line: string) => void): Promise<Observer> {
  const observer = await observe(pool, { name: 'npm start', page: true })
  const { address = '', socket = '' } = observer
  say(`page ${address}`)
  await openInBrowser(address, dirname(socket))
  return observer
}

/** Resolves when the job is to end. */
async function whileWatched(signal: AbortSignal, say: (line: string) => void): Promise<void> {
  if (signal.aborted) return
  say('The workers stay for the page. Ctrl-C ends them.')
  const awake = setInterval(() => undefined, 60_000)
  await once(signal, 'abort')
  clearInterval(awake)
}

/** Returns a function that counts the processes of the pool's run on the whole system, without asking the pool. */
function watchProcesses(pool: Pool): () => number {
  let run: { installation: string; run: string } | undefined
  pool.on('worker.ready', ({ pid }) => {
    run ??= readIdentity(pid)
  })
  return () => (run === undefined ? 0 : findTagged({ installation: run.installation, run: run.run }).length)
}
