import type { Readable } from 'node:stream'
import { LineSplitter, type OsProcess } from '@terrarium/process'
import type { AnyLogger } from '@terrarium/process'

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

/** So long lines are told in one go, in ms, */
const SLICE = 2
/** and for this share of the time at most, while calls are to be answered. */
const SHARE = 0.2

/** What came from a stream and waits to be told. The stream is paused meanwhile, which slows its writer down. */
interface Waiting {
  readonly stream: Readable
  readonly tell: (line: string) => void
  /** The lines, at the first call: to find them takes time too. */
  readonly lines: () => readonly string[]
  /** How many of them have been told. */
  told: number
  /** Its process has ended: there is an end to its lines. */
  readonly isLast: () => boolean
}

/**
 * Tells what processes print, line by line and in order for each stream. However much they print, it takes a fifth of
 * the event loop's time and the memory of one chunk a stream.
 */
export class OutputRelay {
  readonly #tell: (output: WorkerOutput) => void
  #hasFailed = false
  /** The streams take turns. */
  readonly #waiting: Waiting[] = []
  #isScheduled = false
  /** How long lines may be told now, in ms, as of `#at`. */
  #credit = SLICE
  #at = performance.now()

  constructor(tell: (output: WorkerOutput) => void) {
    this.#tell = tell
  }

  /** Resolves when the last line of the process has been told. */
  async relay(printing: OsProcess, worker: string): Promise<void> {
    const { pid } = printing
    let isLast = false
    void printing.exited.then(() => (isLast = true))
    await Promise.all(
      STREAMS.map((stream) => {
        const tell = (line: string): void => {
          this.#tellSafely({ worker, pid, stream, line })
        }
        return this.#read(printing[stream], tell, () => isLast)
      }),
    )
  }

  /** A logger is user code, too. */
  #tellSafely(output: WorkerOutput): void {
    try {
      this.#tell(output)
    } catch (error) {
      if (!this.#hasFailed) process.emitWarning(`what ${output.worker} prints cannot be told: ${String(error)}`)
      this.#hasFailed = true
    }
  }

  #read(stream: Readable, tell: (line: string) => void, isLast: () => boolean): Promise<void> {
    const splitter = new LineSplitter()
    stream.on('data', (chunk: Buffer) => {
      stream.pause()
      let found: readonly string[] | undefined
      const lines = (): readonly string[] => (found ??= splitter.push(chunk))
      this.#waiting.push({ stream, tell, lines, told: 0, isLast })
      if (!this.#isScheduled) this.#run()
    })
    return new Promise((resolve) => {
      stream.once('end', () => {
        for (const line of splitter.end()) tell(line)
      })
      for (const over of ['end', 'close', 'error']) {
        stream.once(over, () => {
          resolve()
        })
      }
    })
  }

  #run(): void {
    const begun = performance.now()
    this.#credit = Math.min(SLICE, this.#credit + (begun - this.#at) * SHARE)
    const until = begun + this.#credit
    while (this.#waiting.length > 0 && performance.now() < until) this.#tellSome(until)
    this.#at = performance.now()
    this.#credit -= this.#at - begun
    this.#carryOn()
  }

  /** Of the stream whose turn it is, one line at least. */
  #tellSome(until: number): void {
    const next = this.#waiting.shift()
    if (next === undefined) return
    const lines = next.lines()
    while (next.told < lines.length) {
      next.tell(lines[next.told++] ?? '')
      if (performance.now() >= until) break
    }
    if (next.told < lines.length) this.#waiting.push(next)
    else next.stream.resume()
  }

  #carryOn(): void {
    if (this.#waiting.length === 0) return
    this.#isScheduled = true
    const carryOn = (): void => {
      this.#isScheduled = false
      this.#run()
    }
    if (this.#waiting.some(({ isLast }) => isLast())) {
      this.#credit = SLICE // somebody waits for the last line
      setImmediate(carryOn)
    } else setTimeout(carryOn, (SLICE - this.#credit) / SHARE)
  }
}

/** To a log: stdout at `info`, stderr at `warn`. `workerPid`, since `pid` is the host's in each line of pino. */
export function logOutput(logger: AnyLogger): (output: WorkerOutput) => void {
  return ({ worker, pid, stream, line }) => {
    logger[stream === 'stdout' ? 'info' : 'warn']({ worker, workerPid: pid, stream }, line)
  }
}
