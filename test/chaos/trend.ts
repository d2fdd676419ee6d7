// The trend of a series of samples.
export interface Sample {
  readonly cycles: number
  /** In bytes. */
  readonly value: number
}

/**
 * Computes by least squares the growth in bytes per cycle, and its standard error, taking samples as independent.
 */
export function trend(samples: readonly Sample[]): { slope: number; error: number } {
  const n = samples.length
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / n
  const x = mean(samples.map(({ cycles }) => cycles))
  const y = mean(samples.map(({ value }) => value))
  const sxx = samples.reduce((sum, { cycles }) => sum + (cycles - x) ** 2, 0)
  const slope = samples.reduce((sum, { cycles, value }) => sum + (cycles - x) * (value - y), 0) / sxx
  const residual = samples.reduce((sum, { cycles, value }) => sum + (value - y - slope * (cycles - x)) ** 2, 0)
  return { slope, error: Math.sqrt(residual / Math.max(1, n - 2) / sxx) }
}
