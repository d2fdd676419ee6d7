/** A function of a file. */
export interface FunctionSize {
  /** With the names of the enclosing scopes: `Class.method`. */
  readonly name: string
  readonly line: number
  readonly lines: number
}

/** What `analyse` in analyse.py found in a file. */
export interface Parsed {
  readonly lines: number
  readonly functions: number
  readonly classes: number
  /** How many blocks the innermost statement is in. */
  readonly deepest: number
  /** The longest functions, at most ten, the longest first. */
  readonly longest: readonly FunctionSize[]
  /** Top-level modules, and how often each is imported. */
  readonly imports: Readonly<Record<string, number>>
}

/** A file that does not parse. */
export interface Failed {
  readonly error: { readonly type: string; readonly message: string; readonly line: number | null }
}

export type Result = Parsed | Failed

/** A result and the file it belongs to, relative to the root. */
export interface Entry {
  readonly path: string
  readonly result: Result
}
