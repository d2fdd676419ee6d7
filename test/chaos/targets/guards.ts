// The target `guards`: workers without one of the death signals.
import { Decoys } from '../decoys.ts'
import { RuntimeSubject } from '../runtime-subject.ts'
import { membersOf } from '../subject.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { isAlive, killAll, killTogether, strangers } from '../world.ts'

/** Loads under which a worker notices nothing by itself. */
const LOADS = ['idle', 'loop', 'gil', 'read', 'ignoring', 'stopped'] as const
const VICTIMS = ['host', 'shepherd', 'host+shepherds'] as const
const PROMISE = 2_000

/** Death signals and loads: under any load a worker ends with its host and with its shepherd. */
export const guards: Target = {
  name: 'guards',
  promise: 'no worker survives its host or its shepherd, under any load',
  rounds: 60,
  byLevel: true,
  async run(context) {
    const decoys = new Decoys(context.python)
    const stateDir = context.folder()
    const took = new Map<string, number[]>()
    try {
      await context.play(async (number) => {
        const victims = VICTIMS[number % VICTIMS.length] ?? 'host'
        const host = new RuntimeSubject(context, stateDir)
        try {
          const { run } = await host.hear('open')
          const workers = await Promise.all(LOADS.map(async (load) => ({ load, ...(await host.start(load, load)) })))
          killAll(
            workers.filter(({ load }) => load === 'stopped').map(({ pid }) => pid),
            'SIGSTOP',
          )
          const { shepherds } = membersOf(String(run))
          const begun = performance.now()
          if (victims === 'host') killAll([host.pid])
          else if (victims === 'shepherd') killAll(shepherds.slice(-1))
          else killTogether([host.pid, ...shepherds])
          const waiting = new Map(workers.map(({ load, pid }) => [pid, load]))
          await within(
            PROMISE,
            () => {
              for (const [pid, load] of waiting) {
                if (isAlive(pid)) continue
                waiting.delete(pid)
                const key = `${victims}/${load}`
                took.set(key, [...(took.get(key) ?? []), performance.now() - begun])
              }
              return waiting.size === 0
            },
            0,
          )
          context.count(
            number,
            { orphans: waiting.size },
            `${victims} killed, still there: ${[...waiting.values()].join(', ')}`,
          )
          killAll(waiting.keys())
          if (victims === 'shepherd') await host.close()
          await host.exited
          await within(PROMISE, () => strangers(new Set(decoys.pids)).length === 0)
          const left = strangers(new Set(decoys.pids))
          const ended = await decoys.dead()
          context.count(
            number,
            { orphans: left.length, innocents: ended.length },
            `left: ${JSON.stringify(left)}; ended: ${ended.join('; ')}`,
          )
          killAll(left.map(({ pid }) => pid))
        } finally {
          if (!host.isOver) killAll([host.pid])
        }
      })
    } finally {
      await decoys.end({ all: true })
    }
    const all = [...took.values()].flat().sort((one, other) => one - other)
    const worst = [...took].map(([key, times]) => [key, percentile(times, 0.95)] as const).sort(([, a], [, b]) => b - a)
    const [slowest, p95] = worst[0] ?? ['no worker', 0]
    context.note(
      `p50 ${percentile(all, 0.5).toFixed(1)} ms, p95 ${percentile(all, 0.95).toFixed(1)} ms from the kill to a worker’s end`,
    )
    context.note(`slowest: ${slowest}, p95 ${p95.toFixed(1)} ms`)
  },
}

function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0
}
