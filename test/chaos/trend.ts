export interface Sample {
  readonly cycles: number
  /** In bytes. */
  readonly value: number
}

const BLOCKS = 5

/**
 * By how many bytes a cycle it grows, by least squares, and how sure that is: the standard error, from the slopes of five blocks.
 * The resident memory grows in steps, whose rests are anything but independent: what one step makes look like a trend of the
 * whole is none in the other blocks, and what is lost in every cycle is seen in each.
 */
export function trend(samples: readonly Sample[]): { slope: number; error: number } {
  const size = Math.floor(samples.length / BLOCKS)
  const slopes = Array.from({ length: BLOCKS }, (_, index) => slopeOf(samples.slice(index * size, (index + 1) * size)))
  const variance = slopes.reduce((sum, each) => sum + (each - mean(slopes)) ** 2, 0) / (BLOCKS - 1)
  return { slope: slopeOf(samples), error: Math.sqrt(variance / BLOCKS) }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function slopeOf(samples: readonly Sample[]): number {
  const x = mean(samples.map(({ cycles }) => cycles))
  const y = mean(samples.map(({ value }) => value))
  const sxx = samples.reduce((sum, { cycles }) => sum + (cycles - x) ** 2, 0)
  return samples.reduce((sum, { cycles, value }) => sum + (cycles - x) * (value - y), 0) / sxx
}
