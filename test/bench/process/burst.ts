import { figure, type Figure } from '../figure.ts'
import type { Stage } from './stage.ts'
import { bareWorker, plainSpawn, throughShepherd, type Program, type Starter } from './starter.ts'
import { inTurns, type Sample } from './turns.ts'

/** Many workers at once: for how long this process can do nothing else, and when all of them have written their first byte. */
export async function measureBurst({ standard, python, quick, signal, log }: Stage): Promise<Figure[]> {
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
  const name = `event loop blocked by ${count} starts at once, in total`
  const versus = (key: 'blocked' | 'total') => ({
    value: ours.median[key],
    unit: 'ms',
    against: { name: 'plain spawn', value: plain.median[key] },
  })
  return [
    figure({ name, value: ours.median.blocked, unit: 'ms', target: { atMost: 50 } }),
    figure({ name, ...versus('blocked') }),
    figure({ name: `${name}, the first time`, value: ours.first.blocked, unit: 'ms' }),
    figure({ name: `${count} starts at once, until all have written`, ...versus('total') }),
  ]
}

async function startAll(start: Starter, program: Program, count: number): Promise<Sample<'blocked' | 'total'>> {
  // All the time in which the event loop does not wait for something to happen, however short each piece of it: whatever else was
  // due then had to wait. It needs no probe, which would itself be such time, and no threshold below which nothing counts.
  const before = performance.eventLoopUtilization()
  const begun = performance.now()
  const starting = Array.from({ length: count }, () => start(program))
  const outcomes = await Promise.allSettled(starting)
  const total = performance.now() - begun
  const { active } = performance.eventLoopUtilization(before)
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  await Promise.all(started.map((each) => each.end()))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return { blocked: active, total }
}
