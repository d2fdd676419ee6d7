import { join } from 'node:path'
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import { startHost } from './host.ts'
import type { Stage } from './stage.ts'
import { bareWorker, plainSpawn, throughShepherd, type Program, type Starter } from './starter.ts'
import { inTurns, type Sample } from './turns.ts'

type Burst = Sample<'blocked' | 'thread' | 'total'>

const MOST_BLOCKED = 50

/** Many workers at once: for how long this process can do nothing else, and when all of them have written their first byte. */
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
    figure({ name: `${name}, the first of a host, its own time on a processor`, value: first.thread, unit: 'ms' }),
    figure({ name: `${count} starts at once, until all have written`, ...versus('total') }),
  ]
}

/** What a pool of that size meets when its application starts: each sample in a new host, all of whose code is cold. Medians. */
async function measureFirst({ folder, python, quick, signal, log }: Stage, count: number): Promise<Burst> {
  const rounds = quick ? 1 : 9
  log(`${count} processes at once in ${rounds} new hosts`)
  const samples: Burst[] = []
  for (let round = 0; round < rounds; round++) {
    signal.throwIfAborted()
    const host = await startHost('bursting-host.js', [join(folder, 'state'), python, String(count)])
    await host.exited
    const { left, ...sample } = host.said as Burst & { readonly left: number }
    if (left > 0) throw new Error(`${left} processes are left behind`)
    samples.push(sample)
  }
  const medianOf = (key: keyof Burst) => median(samples.map((sample) => sample[key]))
  return { blocked: medianOf('blocked'), thread: medianOf('thread'), total: medianOf('total') }
}

export async function startAll(
  start: Starter,
  program: Program,
  count: number,
  threadMs = (): number => NaN,
): Promise<Burst> {
  // All the time in which the event loop does not wait for something to happen, however short each piece of it: whatever else was
  // due then had to wait. It needs no probe, which would itself be such time, and no threshold below which nothing counts.
  const before = { loop: performance.eventLoopUtilization(), thread: threadMs(), now: performance.now() }
  const starting = Array.from({ length: count }, () => start(program))
  const outcomes = await Promise.allSettled(starting)
  const total = performance.now() - before.now
  const thread = threadMs() - before.thread
  const { active } = performance.eventLoopUtilization(before.loop)
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  await Promise.all(started.map((each) => each.end()))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return { blocked: active, thread, total }
}
