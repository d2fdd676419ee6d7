// What a benchmark suite is, and what it is given.
import type { Figure } from './figure.ts'

/** What a suite is given to run with. */
export interface BenchContext {
  /** Everything random in the suite comes from it. */
  readonly seed: number
  /** A short run, to see that the suite works. Its values are noisy. */
  readonly quick: boolean
  /** The Python interpreter for workers and peers. */
  readonly python: string
  /** Aborted when the bench has to end early; a suite then cleans up and rejects. */
  readonly signal: AbortSignal
  /** Prints progress. */
  readonly log: (line: string) => void
}

/** One benchmark. It leaves no process and no file behind, however it ends. */
export interface Suite {
  /** What it is called on the command line. */
  readonly name: string
  readonly description: string
  /** True if the suite starts workers, which need an interpreter with the packages that workers import. */
  readonly needsWorkers?: boolean
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>
}
