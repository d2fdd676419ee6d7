// The target `reaper`: the reaper beside processes that are started again.
import { RuntimeSubject } from '../runtime-subject.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { isAlive, killAll, strangers } from '../world.ts'

const AT_A_TIME = 4
const CODE = 7

/**
 * The reaper scans every 10 ms while processes exit and are started again. It must not touch a living process, or a
 * process that is just starting.
 */
export const reaper: Target = {
  name: 'reaper',
  promise: 'no current or restarting process is touched by the reaper',
  rounds: 1_000,
  byLevel: true,
  async run(context) {
    const host = new RuntimeSubject(context, context.folder(), { reapInterval: 10 })
    try {
      await host.hear('open')
      // Three processes stay, and one of them resists SIGTERM, so the reaper always has work.
      const staying = await Promise.all(['idle', 'loop', 'ignoring'].map((load) => host.start(load, load)))
      const times = Math.ceil(context.rounds / AT_A_TIME)
      const ids = Array.from({ length: AT_A_TIME }, (_, index) => `loop-${index}`)
      for (const id of ids) host.tell({ do: 'cycle', id, times, ...host.command('exit', String(CODE)) })
      for (const id of ids) await host.hear('cycled', (said) => said['id'] === id, 0, 600_000)
      const exits = host.heard('exited').filter(({ id }) => String(id).startsWith('loop-'))
      const touched = exits.filter(({ code, requested }) => code !== CODE || requested !== 'none')
      const gone = staying.filter(({ pid }) => !isAlive(pid))
      context.count(
        0,
        { rounds: exits.length, innocents: touched.length + gone.length },
        JSON.stringify(touched.slice(0, 3)),
      )
      const spawns = new Set(host.heard('reserved').map(({ spawn }) => spawn))
      context.count(0, { duplicates: host.heard('reserved').length - spawns.size })
      const { killed } = await host.close()
      if (killed !== staying.length) throw new Error(`closing it ended ${String(killed)} processes`)
      await within(2_000, () => strangers(new Set()).length === 0)
      context.count(0, { orphans: strangers(new Set()).length })
    } finally {
      if (!host.isOver) killAll([host.pid])
    }
  },
}
