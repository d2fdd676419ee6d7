// Runs scenarios in Erlang/OTP and in Terrarium, and compares the traces.
import { withoutWrongCounts } from './exclusions.ts'
import { generate } from './generate.ts'
import type { Scenario } from './scenario.ts'
import { shrink } from './shrink.ts'
import { firstDifference, normalize, type Trace } from './trace.ts'

/** Runs a scenario. */
export type Runner = (scenario: Scenario) => Promise<Trace>

/** The two sides whose traces must be equal. */
export interface Sides {
  readonly erlang: Runner
  readonly terrarium: Runner
}

export interface Comparison {
  readonly erlang: Trace
  readonly terrarium: Trace
  /** The first step in which the traces differ; -1 if they are equal. */
  readonly difference: number
}

export interface Divergence extends Comparison {
  readonly index: number
  /** Shrunk. The comparison is of the run that differed. */
  readonly scenario: Scenario
  /** False if the same scenario did not differ in one more run: the difference depends on timing. */
  readonly isRepeatable: boolean
}

/** Runs the scenario on both sides. */
async function compare(scenario: Scenario, sides: Sides): Promise<Comparison> {
  const [erlang, terrarium] = (
    await Promise.all([sides.erlang(scenario), sides.terrarium(scenario).catch(traceOfError)])
  ).map((trace) => withoutWrongCounts(scenario, normalize(scenario, trace))) as [Trace, Trace]
  return { erlang, terrarium, difference: firstDifference(erlang, terrarium) }
}

/** A side that throws is a divergence, too. */
function traceOfError(error: unknown): Trace {
  return [{ events: [], result: error instanceof Error ? (error.stack ?? error.message) : String(error) }]
}

interface Request {
  readonly seed: number
  readonly indices: readonly number[]
  readonly sides: Sides
  /** How many divergences are shrunk; the others are only counted. */
  readonly shown: number
  readonly onProgress?: (done: number, divergences: number) => void
}

/** How many scenarios run at the same time. */
const AT_ONCE = 96

/** Runs all scenarios. Resolves to the divergences that are shown, and the indices of all divergences. */
export async function search({ seed, indices, sides, shown, onProgress }: Request): Promise<{
  readonly divergences: readonly Divergence[]
  readonly found: readonly number[]
}> {
  const found = new Map<number, Comparison>()
  const waiting = indices.values()
  let done = 0
  const work = async (): Promise<void> => {
    for (const index of waiting) {
      const comparison = await compare(generate(seed, index), sides)
      if (comparison.difference >= 0) found.set(index, comparison)
      done += 1
      onProgress?.(done, found.size)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const indicesFound = [...found.keys()].sort((one, other) => one - other)
  const divergences: Divergence[] = []
  for (const index of indicesFound.slice(0, shown)) {
    let comparison = found.get(index) as Comparison
    const fails = async (candidate: Scenario): Promise<boolean> => {
      const next = await compare(candidate, sides)
      if (next.difference >= 0) comparison = next
      return next.difference >= 0
    }
    const scenario = await shrink(generate(seed, index), fails)
    const isRepeatable = (await compare(scenario, sides)).difference >= 0
    divergences.push({ index, scenario, ...comparison, isRepeatable })
  }
  return { divergences, found: indicesFound }
}
