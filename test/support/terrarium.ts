// Habitats: what a test of pools needs, and proof at its end that no process and no unexpected error is left.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, expect } from '@jest/globals'
import { pino, type Logger } from 'pino'
import { findTagged } from '@terrarium/process'
import { isShepherd } from './processes.ts'
import { testPython } from './python.ts'

export { isAlive, stateOf } from './processes.ts'
export { testPython, TOOLS } from './python.ts'
export { eventually } from './waiting.ts'

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [key: string]: unknown
}

/** The folder of one test: a state directory, tool modules, and a log that is read afterwards. */
export class Habitat {
  readonly directory = mkdtempSync(join(tmpdir(), 'terrarium-test-'))
  readonly stateDir = join(this.directory, 'state')
  readonly log: LogLine[] = []
  readonly logger: Logger
  /** Patterns of `error` log lines that the test brings about on purpose. */
  readonly expectedErrors: RegExp[] = []

  constructor() {
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        for (const line of chunk.toString().split('\n')) if (line !== '') this.log.push(JSON.parse(line) as LogLine)
        done()
      },
    })
    this.logger = pino({ level: 'debug' }, sink)
  }

  /** Writes a file into the habitat and returns its path. */
  file(name: string, text: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, text)
    return path
  }

  /** The options every pool of a test shares. */
  get common(): { python: string; stateDir: string; logger: Logger } {
    return { python: testPython(), stateDir: this.stateDir, logger: this.logger }
  }

  /** Log lines of level `error` that match no expected pattern. */
  get unexpectedErrors(): string[] {
    return this.log
      .filter(({ level, msg }) => level >= 50 && !this.expectedErrors.some((pattern) => pattern.test(msg)))
      .map((line) => JSON.stringify(line))
  }

  /** Pids of processes with a spawn tag of this habitat's installation. */
  marked(): number[] {
    const file = join(this.stateDir, 'installation.json')
    if (!existsSync(file)) return []
    const { installation } = JSON.parse(readFileSync(file, 'utf8')) as { installation: string }
    return findTagged({ installation }).map(({ pid }) => pid)
  }

  /** A shepherd, and perhaps its guard process. */
  shepherds(): number[] {
    return this.marked().filter(isShepherd)
  }

  /** The same without shepherds: workers, and what they have started. */
  workers(): number[] {
    return this.marked().filter((pid) => !isShepherd(pid))
  }
}

let habitats: Habitat[] = []

/** Checks and removes a habitat at the end of the test: no process left, no unexpected error logged. */
export function guarded<THabitat extends Habitat>(made: THabitat): THabitat {
  habitats.push(made)
  return made
}

/** A new habitat that is checked and removed at the end of the test. */
export const habitat = (): Habitat => guarded(new Habitat())

afterEach(() => {
  const made = habitats
  habitats = []
  for (const each of made) {
    const left = each.marked()
    rmSync(each.directory, { recursive: true, force: true })
    expect({ left, errors: each.unexpectedErrors }).toEqual({ left: [], errors: [] })
  }
})
