// What workers print, told line by line. However much they print, the event loop of the host keeps most of its time for
// calls.
import type { Readable } from 'node:stream'
import { LineSplitter, type OsProcess } from '@terrarium/process'
import type { AnyLogger } from '@terrarium/process'

/** A line that the tools of a worker have printed, without the end of the line. */
export interface WorkerOutput {
  /** For example `text/worker-1`. */
  readonly worker: string
  /** As the host sees it. */
  readonly pid: number
  readonly stream: 'stdout' | 'stderr'
  /** At most 65,536 UTF-16 code units: a longer line comes in pieces. Bytes that are not UTF-8 become U+FFFD. */
  readonly line: string
}

const STREAMS = ['stdout', 'stderr'] as const

/** How long lines are told without a pause, in ms. */
const SLICE = 2
/** The share of the event loop's time that lines may take. */
const SHARE = 0.2

/** A chunk of a stream whose lines wait to be told. The stream is paused meanwhile, which slows its writer down. */
interface Waiting {
  readonly stream: Readable
  readonly tell: (line: string) => void
  /** Splits the chunk at the first call: that takes time, too. */
  readonly lines: () => readonly string[]
  /** How many lines have been told. */
  told: number
  /** Whether the process has exited: no more than what is left in its pipes can follow. */
  readonly isLast: () => boolean
}

/**
 * Tells what processes print, line by line and in order for each stream. At most it takes a fifth of the event loop's
 * time, and the memory of one chunk a stream.
 */
export class OutputRelay {
  readonly #tell: (output: WorkerOutput) => void
  #hasFailed = false
  /** One entry a stream; streams take turns. */
  readonly #waiting: Waiting[] = []
  #isScheduled = false
  /**
   * The time budget for splitting and telling lines, in ms, as it stood at `#at`. It grows by SHARE of the time that
   * passes, up to SLICE, and falls by the time spent on lines: below 0 after a slow listener.
   */
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

  /** A listener is user code, and may throw. */
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

  /** Tells lines of the stream whose turn it is: at least one, and no more once the time is up. */
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
      this.#credit = SLICE // the end of the worker waits for its last line
      setImmediate(carryOn)
    } else setTimeout(carryOn, (SLICE - this.#credit) / SHARE)
  }
}

/** Writes output to a log: stdout at `info`, stderr at `warn`. The field is `workerPid`: pino's `pid` is the host's. */
export function logOutput(logger: AnyLogger): (output: WorkerOutput) => void {
  return ({ worker, pid, stream, line }) => {
    logger[stream === 'stdout' ? 'info' : 'warn']({ worker, workerPid: pid, stream }, line)
  }
}
