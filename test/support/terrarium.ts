// The habitats of this repository's tests: those of `@terrarium/pool/testing`, with the interpreter of the tests, and
// with a view of which of the processes are shepherds.
import { afterEach } from '@jest/globals'
import { Habitat as PublicHabitat, habitats } from '@terrarium/pool/testing'
import type { Logger } from 'pino'
import { isShepherd } from './processes.ts'
import { testPython } from './python.ts'

export { isAlive, stateOf } from './processes.ts'
export { testPython, TOOLS } from './python.ts'
export { eventually } from './waiting.ts'

/** Many of these tests let workers crash, which is a warning: only errors have to be expected. */
export class Habitat extends PublicHabitat {
  /** Patterns of `error` log lines that the test brings about on purpose. */
  readonly expectedErrors: RegExp[] = []

  constructor() {
    super({ failAt: 'error' })
  }

  /** The options every pool of a test shares. */
  get common(): { python: string; stateDir: string; logger: Logger } {
    return { ...this.options, python: testPython() }
  }

  /** Pids of processes with a spawn tag of this habitat's installation. */
  marked(): number[] {
    return this.processes()
  }

  /** A shepherd, and perhaps its guard process. */
  shepherds(): number[] {
    return this.marked().filter(isShepherd)
  }

  /** The pids of workers, and of what they have started, without the shepherds. */
  workers(): number[] {
    return this.marked().filter((pid) => !isShepherd(pid))
  }

  override close(): Promise<readonly string[]> {
    this.expect(...this.expectedErrors)
    return super.close()
  }
}

/** A new habitat that is checked and removed at the end of the test. */
export const habitat = habitats(afterEach, () => new Habitat())
