import type { Readable } from 'node:stream'

/** How far a worker came before it was ready. `none`: the interpreter never ran our code. */
export type BootPhase = 'none' | 'boot' | 'importing' | 'connecting' | 'ready' | 'failed'

/** What the bootstrap says when it gives up, see `python/src/terrarium/_boot.py`. */
export interface BootFailure {
  readonly kind: string
  /** No restart repairs it: code or environment have to change first. */
  readonly configuration: boolean
  readonly module: string | null
  readonly exe: string
  readonly message: string
  readonly hint: string
  /** The command in the hint, for a shell; empty if there is none or it is too long to be told whole. */
  readonly command: string
  /** All modules that are missing; empty if that is not why. */
  readonly modules: readonly string[]
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

/** The progress of a worker that has said nothing. */
export const SILENT: BootProgress = { phase: 'none', module: undefined, failure: undefined }

/** The longest report, in UTF-16 code units: a line of this length may still be read, and cut. */
const LONGEST_REPORT = 32 * 1024 * 1024
/** What is kept of each text, in characters, and of the lists, by number. */
const LONGEST_TEXT = 8_192
const LONGEST_TRACEBACK = 65_536
const MOST_ITEMS = 1_024

/**
 * Reads a worker's boot report: JSON lines on a channel of their own, written with the standard library only. Code of
 * the user's can write there too: a line that is no JSON object is ignored, and of a wrong value what fits is kept.
 * `broken` is called once when the report does not end.
 */
export class BootReport {
  #progress = SILENT
  readonly #ended: Promise<void>
  /** The beginnings of a line that has not ended. */
  #rest: string[] = []
  #length = 0

  constructor(stream: Readable, broken: (fault: string) => void = () => undefined) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      const isOver = this.#length > LONGEST_REPORT
      this.#length += chunk.length
      if (this.#length <= LONGEST_REPORT) this.#take(chunk)
      else if (!isOver) {
        this.#rest = []
        broken(`it has more than ${LONGEST_REPORT} characters`)
      } // else it is read and thrown away until the worker has ended
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

  #take(chunk: string): void {
    const lines = chunk.split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) {
      this.#rest.push(line)
      this.#line(this.#rest.join(''))
      this.#rest = []
    }
    if (last !== '') this.#rest.push(last)
  }

  #line(line: string): void {
    let said: unknown
    try {
      said = JSON.parse(line)
    } catch {
      return // a torn line of a worker that was killed while writing
    }
    if (typeof said !== 'object' || said === null || !('phase' in said)) return
    const { phase, module } = said as { readonly phase: unknown; readonly module?: unknown }
    const name = typeof module === 'string' ? cut(module) : undefined
    switch (phase) {
      case 'boot':
      case 'importing':
      case 'connecting':
      case 'ready':
        this.#progress = { phase, module: name, failure: undefined }
        break
      case 'failed':
        this.#progress = { phase, module: name, failure: failureOf(said as Fields) }
        break
      default:
        break // a later version may say more
    }
  }
}

type Fields = { readonly [K in keyof BootFailure]?: unknown }

function failureOf(said: Fields): BootFailure {
  const { kind, configuration, module, exe, message, hint, command, modules, traceback, watch } = said
  return {
    kind: textOf(kind),
    configuration: configuration === true,
    module: typeof module === 'string' ? cut(module) : null,
    exe: textOf(exe),
    message: textOf(message) || 'it does not say why',
    hint: textOf(hint),
    command: typeof command === 'string' && command.length <= LONGEST_TEXT ? command : '',
    modules: Array.isArray(modules) ? modules.slice(0, MOST_ITEMS).map(textOf).filter(Boolean) : [],
    traceback: typeof traceback === 'string' ? traceback.slice(-LONGEST_TRACEBACK) : '',
    watch: Array.isArray(watch) ? watch.slice(0, MOST_ITEMS).filter(isPath) : [],
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? cut(value) : '')

const isPath = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= LONGEST_TEXT && value.startsWith('/') && !value.includes('\0')

const cut = (text: string): string => (text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`)
