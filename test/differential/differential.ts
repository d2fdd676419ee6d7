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
  /** Shrunk. */
  readonly scenario: Scenario
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
  const found: number[] = []
  const waiting = indices.values()
  let done = 0
  const work = async (): Promise<void> => {
    for (const index of waiting) {
      const { difference } = await compare(generate(seed, index), sides)
      if (difference >= 0) found.push(index)
      done += 1
      onProgress?.(done, found.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  found.sort((one, other) => one - other)
  const divergences: Divergence[] = []
  for (const index of found.slice(0, shown)) {
    const fails = async (candidate: Scenario): Promise<boolean> => (await compare(candidate, sides)).difference >= 0
    const scenario = await shrink(generate(seed, index), fails)
    divergences.push({ index, scenario, ...(await compare(scenario, sides)) })
  }
  return { divergences, found }
}
