// Bench rows of many starts at once.
import { figure, type Figure } from '../figure.ts'
import { blockedDuring, type Blocked } from './blocked.ts'
import { startHost } from './host.ts'
import type { Stage } from './stage.ts'
import { bareWorker, plainSpawn, throughShepherd, type Program, type Started, type Starter } from './starter.ts'
import { inTurns } from './turns.ts'

const MOST_BLOCKED = 50

/**
 * Starts many workers at once. Measures how long this process is blocked, and when all of them have written their first
 * byte.
 */
export async function measureBurst(stage: Stage): Promise<Figure[]> {
  const { standard, python, quick, signal, log } = stage
  const count = quick ? 10 : 100
  const program = bareWorker(python)
  // A fork copies the page tables of this process, so plain spawn costs more the more memory it has.
  const megabytes = (process.memoryUsage().rss / 1e6).toFixed(0)
  log(
    `${count} processes at once: plain spawn, ${standard.level} in turns; the memory of this process is ${megabytes} MB`,
  )
  const [plain, ours] = await inTurns(
    [plainSpawn, throughShepherd(standard.runtime)].map((start) => () => startAll(start, program, count)),
    { rounds: quick ? 1 : 7, signal },
  )
  if (plain === undefined || ours === undefined) throw new RangeError('two contenders, two results')
  const first = await measureFirst(stage, count)
  const name = `event loop blocked by ${count} starts at once, in total`
  const versus = (key: 'blocked' | 'total') => ({
    value: ours.median[key],
    unit: 'ms',
    against: { name: 'plain spawn', value: plain.median[key] },
  })
  return [
    figure({ name, value: ours.median.blocked, unit: 'ms', target: { atMost: MOST_BLOCKED } }),
    figure({ name, ...versus('blocked') }),
    figure({
      name: `${name}, the first of a host`,
      value: first.blocked,
      unit: 'ms',
      target: { atMost: MOST_BLOCKED },
    }),
    figure({ name: `${name}, the first of a host, its time on a processor`, value: first.thread, unit: 'ms' }),
    figure({ name: `${count} starts at once, until all have written`, ...versus('total') }),
  ]
}

/**
 * Measures at the start of an application: each sample in a new host, all of whose code is cold. Returns medians.
 */
async function measureFirst({ folder, python, quick, signal, log }: Stage, count: number): Promise<Blocked> {
  const rounds = quick ? 1 : 7
  log(`${count} processes at once in ${rounds} new hosts`)
  const [taken] = await inTurns(
    [
      async () => {
        const host = await startHost('bursting-host.js', [folder, python, String(count)])
        await host.exited
        const { left, ...sample } = host.said as Blocked & { readonly left: number }
        if (left > 0) throw new Error(`${left} processes are left behind`)
        return sample
      },
    ],
    { rounds, signal },
  )
  if (taken === undefined) throw new RangeError('one contender, one result')
  return taken.median
}

export async function startAll(start: Starter, program: Program, count: number): Promise<Blocked> {
  let outcomes: PromiseSettledResult<Started>[] = []
  const blocked = await blockedDuring(async () => {
    const starting = Array.from({ length: count }, () => start(program))
    outcomes = await Promise.allSettled(starting)
  })
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  await Promise.all(started.map((each) => each.end()))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return blocked
}
