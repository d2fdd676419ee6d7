// The main program of every contender of the supervisor suite.
import { median } from '../measure.ts'
import type { Sample, Scenarios, Trial } from './trial.ts'

/**
 * The body of a contender's process: runs the trial in its last argument and prints the medians, as JSON in one line.
 */
export async function contend(scenarios: Scenarios): Promise<void> {
  // The bench holds the other end, so this process does not outlive it.
  process.stdin.on('end', () => process.exit(1)).resume()
  const { scenario, warmups, duration, ...size } = JSON.parse(process.argv.at(-1) ?? '') as Trial
  const run = scenarios[scenario]
  if (run === undefined) throw new RangeError(`this contender has no scenario ${scenario}`)
  for (let warmup = 0; warmup < warmups; warmup++) await run(size)
  const samples: Sample[] = []
  const end = performance.now() + duration
  do {
    await breathe()
    samples.push(await run(size))
  } while (performance.now() < end)
  const names = Object.keys(samples[0] ?? {})
  const medians = names.map((name) => [name, median(samples.map((sample) => sample[name] ?? NaN))])
  process.stdout.write(`${JSON.stringify(Object.fromEntries(medians))}\n`, () => process.exit(0))
}

/** Collects the garbage of earlier repetitions. Node must have been started with --expose-gc. */
export function collectGarbage(): void {
  if (gc === undefined) throw new Error('started without --expose-gc')
  gc()
}

/** In bytes, without garbage. */
export async function heapUsed(): Promise<number> {
  await breathe()
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** Runs in a second, when each took so many ms together. */
export const perSecond = (count: number, ms: number): number => (count / ms) * 1_000

/** Lets everything that is due happen. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
