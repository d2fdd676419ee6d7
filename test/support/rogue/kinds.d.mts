/** What each kind of rogue worker ends with, by its name. */
export interface Kinds {
  /** With a call: the worker is killed for it. */
  readonly faults: Readonly<Record<string, RegExp>>
  /** With a call: the call has this error, and the worker goes on. */
  readonly errors: Readonly<Record<string, RegExp>>
  /** With a call: allowed. */
  readonly oddities: readonly string[]
  /** Before it is ready. */
  readonly starts: Readonly<Record<string, RegExp>>
}

export const KINDS: Readonly<Record<'socket' | 'grpc', Kinds>>
