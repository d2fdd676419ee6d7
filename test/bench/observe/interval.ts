// The interval in which the mean of paired differences lies with 95 % confidence.

/** Pairs of a run, and the quantile of Student's distribution for as many, two-sided, 95 %. */
export interface Pairs {
  readonly count: number
  readonly quantile: number
}

export const PAIRS: Pairs = { count: 30, quantile: 2.045 }
export const QUICK_PAIRS: Pairs = { count: 3, quantile: 4.303 }

/** Ends of the interval. `values`: as many as there are pairs. */
export function interval(
  values: readonly number[],
  { count, quantile }: Pairs,
): readonly [lower: number, upper: number] {
  if (values.length !== count) throw new RangeError(`${values.length} values for ${count} pairs`)
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  const half = quantile * Math.sqrt(variance / count)
  return [mean - half, mean + half]
}
