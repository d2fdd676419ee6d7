import type { Figure } from './figure.ts'

/** What a suite is given to run with. */
export interface BenchContext {
  /** Everything random in the suite comes from it. */
  readonly seed: number
  /** A short run, to see that the suite works: its figures are noisy. */
  readonly quick: boolean
  /** The Python interpreter for workers and peers. */
  readonly python: string
  /** Aborted when the bench has to end early; a suite then cleans up and rejects. */
  readonly signal: AbortSignal
  /** Tells the person who waits what is going on. */
  readonly log: (line: string) => void
}

/** One benchmark. It leaves no process and no file behind, however it ends. */
export interface Suite {
  /** What it is called on the command line. */
  readonly name: string
  readonly description: string
  /** It starts workers, which takes an interpreter with what they import. */
  readonly needsWorkers?: boolean
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>
}
