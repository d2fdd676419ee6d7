import { readLines, type OsProcess } from '@terrarium/process'
import type { Logger } from 'pino'

/** A line that a worker's tools have printed, without its end. */
export interface WorkerOutput {
  /** For example `text/worker-1`. */
  readonly worker: string
  /** As the host sees it. */
  readonly pid: number
  readonly stream: 'stdout' | 'stderr'
  /** At most 65,536 UTF-16 code units: a longer line comes in pieces. What is not UTF-8 is U+FFFD. */
  readonly line: string
}

const STREAMS = ['stdout', 'stderr'] as const

/** Tells what a process prints, line by line and in order for each stream. Resolves when the last line has been told. */
export async function relayOutput(
  process: OsProcess,
  worker: string,
  tell: (output: WorkerOutput) => void,
): Promise<void> {
  const { pid } = process
  const readers = STREAMS.map((stream) =>
    readLines(process[stream], (line) => {
      tell({ worker, pid, stream, line })
    }),
  )
  await Promise.all(readers.map(({ closed }) => closed))
}

/** To a log: stdout at `info`, stderr at `warn`. `workerPid`, since `pid` is the host's in each line of pino. */
export function logOutput(logger: Logger): (output: WorkerOutput) => void {
  return ({ worker, pid, stream, line }) => {
    logger[stream === 'stdout' ? 'info' : 'warn']({ worker, workerPid: pid, stream }, line)
  }
}
