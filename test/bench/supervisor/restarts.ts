// How contenders count starts and time restarts.
import { median } from '../measure.ts'
import { collectGarbage, perSecond } from './contender.ts'
import type { Sample, Size } from './trial.ts'

/** Counts children as they start, so that a trial can wait for a number of starts. */
export class Starts {
  #count = 0
  #awaited = Infinity
  #reached: (() => void) | undefined

  readonly count = (): void => {
    this.#count += 1
    if (this.#count >= this.#awaited) this.#reached?.()
  }

  /** Whether so many have started since the last `reset`. */
  have(awaited: number): boolean {
    return this.#count >= awaited
  }

  /** Resolves when so many have started since the last `reset`. */
  until(awaited: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = awaited
      this.#reached = resolve
      if (this.have(awaited)) resolve()
    })
  }

  reset(): void {
    this.#count = 0
    this.#awaited = Infinity
    this.#reached = undefined
  }
}

/**
 * Crashes child after child, in turns, and sees each run again before the next. A contender that restarts within
 * `crash()` is not made to wait.
 */
export async function restartInTurns(
  starts: Starts,
  { children, operations }: Size,
  crash: (child: number) => void,
): Promise<Sample> {
  collectGarbage()
  const latencies: number[] = []
  const begun = performance.now()
  let last = begun
  for (let index = 0; index < operations; index++) {
    starts.reset()
    crash(index % children)
    if (!starts.have(1)) await starts.until(1)
    const now = performance.now()
    latencies.push(now - last)
    last = now
  }
  return { 'restarts/s': perSecond(operations, last - begun), p50: median(latencies) * 1_000 }
}

let turn = 0

/** The order changes from repetition to repetition. */
export async function restartCost(
  restarts: (size: Size) => Promise<Sample>,
  { children, operations }: Size,
): Promise<Sample> {
  const sizes = [
    { name: 'many', children },
    { name: 'few', children: children / 100 },
  ]
  if (turn++ % 2 === 1) sizes.reverse()
  const costs: Record<string, number> = {}
  for (const { name, children } of sizes) {
    const { 'restarts/s': rate = NaN } = await restarts({ children, operations })
    costs[name] = 1_000_000 / rate
  }
  return costs
}

/** Crashes what `crash` says and waits until so many children have started again. */
export async function restartAtOnce(starts: Starts, awaited: number, crash: () => void): Promise<Sample> {
  collectGarbage()
  starts.reset()
  const begun = performance.now()
  crash()
  await starts.until(awaited)
  return { ms: performance.now() - begun }
}
