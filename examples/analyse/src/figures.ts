/** How the job went: times and counts that differ from run to run. */
export interface Figures {
  /** Calls of `analyse` that were answered. */
  readonly calls: number
  readonly callsPerSecond: number
  /** From the call to its answer, waiting included. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Workers started in the place of crashed ones. */
  readonly restarts: number
}

/** The smallest value that at least `percent` % of the values do not exceed; 0 without values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0
}

/** @param latencies of the calls, in ms */
export function figuresOf(latencies: readonly number[], seconds: number, restarts: number): Figures {
  return {
    calls: latencies.length,
    callsPerSecond: round(latencies.length / seconds),
    p50Ms: round(percentile(latencies, 50)),
    p99Ms: round(percentile(latencies, 99)),
    restarts,
  }
}

const round = (value: number): number => Math.round(value * 100) / 100
