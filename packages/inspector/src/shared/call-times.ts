// What an observer says of the calls of a pool or worker: part of the protocol.

/** How many calls of a tool took how long: bucket k has the calls below 2 ** k / 16 ms. */
export type CallTimes = readonly [tool: string, buckets: readonly number[]]

export interface Deadlines {
  /** Calls in flight with a deadline that is to come. */
  readonly calls: number
  /** When the next one passes. */
  readonly next?: number
  /** Calls whose deadline has passed, and that still run. */
  readonly passed: number
}
