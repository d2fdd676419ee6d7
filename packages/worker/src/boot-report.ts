import type { Readable } from 'node:stream'

/** How far a worker came before it was ready. `none`: the interpreter never ran our code. */
export type BootPhase = 'none' | 'boot' | 'importing' | 'connecting' | 'ready' | 'failed'

/** What the bootstrap says when it gives up, see `python/src/terrarium/_boot.py`. */
export interface BootFailure {
  readonly kind: string
  readonly module: string | null
  readonly exe: string
  readonly message: string
  readonly hint: string
  /** The command in the hint, for a shell; empty if there is none. */
  readonly command?: string
  /** All modules that are missing, if that is why. */
  readonly modules?: readonly string[]
  readonly traceback: string
  /** Paths whose change may repair it. */
  readonly watch: readonly string[]
}

/** Everything the boot report said so far. */
export interface BootProgress {
  readonly phase: BootPhase
  /** The module being imported, in phase `importing`. */
  readonly module: string | undefined
  readonly failure: BootFailure | undefined
}

const LONGEST_LINE = 1024 * 1024

/** Reads a worker's boot report: JSON lines on a channel of their own, written with the standard library only. */
export class BootReport {
  #progress: BootProgress = { phase: 'none', module: undefined, failure: undefined }
  readonly #ended: Promise<void>

  constructor(stream: Readable) {
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = (lines.pop() ?? '').slice(-LONGEST_LINE)
      for (const line of lines) this.#line(line)
    })
    this.#ended = new Promise((resolve) => {
      stream.once('close', resolve)
      stream.once('end', resolve)
      stream.once('error', () => {
        resolve()
      })
    })
  }

  get progress(): BootProgress {
    return this.#progress
  }

  /** Resolves when the worker's end is closed: nothing more will come. */
  get ended(): Promise<void> {
    return this.#ended
  }

  #line(line: string): void {
    let said: unknown
    try {
      said = JSON.parse(line)
    } catch {
      return // a torn line of a worker that was killed while writing
    }
    if (typeof said !== 'object' || said === null || !('phase' in said)) return
    const { phase } = said
    const module = 'module' in said && typeof said.module === 'string' ? said.module : undefined
    switch (phase) {
      case 'boot':
      case 'importing':
      case 'connecting':
      case 'ready':
        this.#progress = { phase, module, failure: undefined }
        break
      case 'failed':
        this.#progress = { phase, module, failure: said as unknown as BootFailure }
        break
      default:
        break // a later version may say more
    }
  }
}
