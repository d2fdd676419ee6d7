// The host's end of the boot report: what a starting worker says of itself, on a channel that needs no imports.
import type { Readable } from 'node:stream'

/** How far the start of a worker has come. `none`: the interpreter has not run the bootstrap. */
export type BootPhase = 'none' | 'boot' | 'importing' | 'connecting' | 'ready' | 'failed'

/** What the bootstrap says when it gives up. `python/src/terrarium/_diagnosis.py` finds it out. */
export interface BootFailure {
  readonly kind: string
  /** No restart repairs it: code or environment have to change first. */
  readonly configuration: boolean
  readonly module: string | null
  readonly exe: string
  readonly message: string
  readonly hint: string
  /** The command in the hint, for a shell; empty if there is none, or if it is too long to be told whole. */
  readonly command: string
  /** All modules that are missing; empty for any other failure. */
  readonly modules: readonly string[]
  readonly traceback: string
  /** Paths whose change may repair the failure. */
  readonly watch: readonly string[]
}

/** What the boot report has said so far. */
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
/** How much is kept: of each text, in characters, and of each list, in items. */
const LONGEST_TEXT = 8_192
const LONGEST_TRACEBACK = 65_536
const MOST_ITEMS = 1_024

/**
 * Reads the boot report of a worker: JSON lines on a channel of their own, written with the standard library only. User
 * code can write to that channel, too: a line that is no JSON object is ignored, and a value of a wrong type counts as
 * missing. `broken` is called once, when the report is too long.
 */
export class BootReport {
  #progress = SILENT
  readonly #ended: Promise<void>
  /** The pieces of a line whose end has not come yet. */
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
      } // anything more is read and thrown away
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

  /** Resolves when the worker has closed the channel. */
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
      return // the worker was killed while it wrote the line
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
        break // a phase of a later version
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
