// What a mutation is: one change of the source that breaks one rule, and the tests that have to notice it.

/** Tests of one kind, run until one of them fails. */
export type Tests =
  /** A file of jest, in one of its projects; `name`: a pattern that the names of the tests must match. */
  | { readonly project: string; readonly path: string; readonly name?: string }
  /** A file of pytest, in `python/tests`; `name`: as of `-k`. */
  | { readonly pytest: string; readonly name?: string }

export interface Mutation {
  /** The rule that the change breaks. */
  readonly breaks: string
  /** Relative to the root. */
  readonly file: string
  /** A text that is in the file exactly once. */
  readonly find: string
  readonly replace: string
  readonly tests: readonly Tests[]
  /** Why no test can notice it: the change makes no difference that can be seen. */
  readonly survives?: string
}
