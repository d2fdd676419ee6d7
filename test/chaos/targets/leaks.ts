// The target `leaks`: what many cycles of start and exit leave in a host.
import { readdirSync, readFileSync } from 'node:fs'
import { RuntimeSubject } from '../runtime-subject.ts'
import { membersOf } from '../subject.ts'
import type { Target } from '../target.ts'
import { trend, type Sample } from '../trend.ts'
import { within } from '../../support/waiting.ts'
import { killAll, strangers } from '../world.ts'

const SAMPLES = 50
/** Warm-up cycles, as a multiple of the measured ones, in which pools and caches fill. */
const WARM_UP = 4
/** Cycles from which the trend of the resident memory is computed. */
const LEAST = 500
/**
 * The growth per cycle that is tolerated beyond the noise of the measurement, in bytes. A leaked process object has at
 * least 10,000 bytes.
 */
const TOLERANCE = { heap: 200, rss: 500 }
/**
 * Apparent growth is measured again over so many times as many cycles. The resident memory grows in steps: one step can
 * look like a trend over a thousand cycles, but not over many more.
 */
const AGAIN = 4

/** Processes are started and ended many times, and nothing grows. */
export const leaks: Target = {
  name: 'leaks',
  promise: 'no descriptor, zombie or memory is left by a thousand spawns and kills',
  rounds: 1_000,
  byLevel: true,
  async run(context) {
    const host = new RuntimeSubject(context, context.folder())
    try {
      const { run } = await host.hear('open')
      const shepherd = membersOf(String(run)).shepherds.at(-1) ?? 0
      const isLong = context.rounds >= LEAST
      if (isLong) await cycle(host, 0, context.rounds * WARM_UP)
      const series: Record<string, Sample[]> = {
        'heap of the host': [],
        'rss of the host': [],
        'rss of the shepherd': [],
      }
      const descriptors = { before: [0, 0], after: [0, 0] }
      const step = Math.ceil(context.rounds / SAMPLES)
      for (let cycles = 0, end = context.rounds; cycles < end; cycles += step) {
        await cycle(host, 1_000_000 + cycles, step)
        host.said.length = 0
        host.tell({ do: 'figures' })
        const { rss, heap } = await host.hear('figures')
        series['heap of the host']?.push({ cycles, value: Number(heap) })
        series['rss of the host']?.push({ cycles, value: Number(rss) })
        series['rss of the shepherd']?.push({ cycles, value: residentSize(shepherd) })
        const open = [host.pid, shepherd].map((pid) => readdirSync(`/proc/${pid}/fd`).length)
        if (cycles === 0) descriptors.before = open
        descriptors.after = open
        if (!isLong || end > context.rounds || cycles + step < end) continue
        const suspects = growing(series)
        if (suspects.length === 0) continue
        end *= AGAIN
        context.note(`seemed to grow, and so measured ${AGAIN} times as long: ${suspects.join(', ')}`)
      }
      await within(1_000, () => zombiesOf(host.pid) + zombiesOf(shepherd) === 0)
      const zombies = zombiesOf(host.pid) + zombiesOf(shepherd)
      if (zombies > 0) throw new Error(`${zombies} zombies are left`)
      const { before, after } = descriptors
      context.note(`descriptors of host and shepherd: ${before.join(', ')} before, ${after.join(', ')} after`)
      if (after.some((count, index) => count > (before[index] ?? 0))) throw new Error('descriptors are left')
      for (const [name, samples] of Object.entries(series)) {
        if (!isLong) continue
        const { slope, error } = trend(samples)
        context.note(`${name}: ${slope.toFixed(0)} ± ${error.toFixed(0)} bytes a cycle`)
      }
      const suspects = isLong ? growing(series) : []
      if (suspects.length > 0) throw new Error(`what grows with each cycle: ${suspects.join(', ')}`)
      if (!isLong) context.note(`too short to tell whether memory grows: it takes ${LEAST} rounds`)
      context.count(0, { rounds: context.rounds })
      await host.close()
      context.count(0, { orphans: strangers(new Set()).length })
    } finally {
      if (!host.isOver) killAll([host.pid])
    }
  },
}

const TOGETHER = 20

/** Starts and ends so many processes, by SIGKILL and in order. */
async function cycle(host: RuntimeSubject, from: number, times: number): Promise<void> {
  for (let done = 0; done < times; done += TOGETHER) {
    const ids = Array.from({ length: Math.min(TOGETHER, times - done) }, (_, index) => String(from + done + index))
    for (const id of ids) host.tell({ do: 'start', id, command: 'sh', args: ['-c', 'echo ready; exec sleep 3600'] })
    await Promise.all(ids.map((id) => host.ready(id)))
    for (const [index, id] of ids.entries())
      host.tell(index % 2 === 0 ? { do: 'kill', id } : { do: 'terminate', id, grace: 2_000 })
    await Promise.all(ids.map((id) => host.hear('released', (said) => said['id'] === id)))
    host.said.length = 0
  }
}

function residentSize(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024
}

function zombiesOf(parent: number): number {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return state === 'Z' && Number(ppid) === parent
    } catch {
      return false
    }
  }).length
}

/** What grows beyond the tolerance and the noise. */
function growing(series: Readonly<Record<string, readonly Sample[]>>): string[] {
  return Object.keys(series).filter((name) => {
    const { slope, error } = trend(series[name] ?? [])
    return slope > (name.startsWith('heap') ? TOLERANCE.heap : TOLERANCE.rss) + 3 * error
  })
}
