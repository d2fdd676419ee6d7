// The target `grandchildren`: descendants that try to get away.
import { Decoys } from '../decoys.ts'
import { RuntimeSubject } from '../runtime-subject.ts'
import { membersOf } from '../subject.ts'
import { sweepWithNextHost } from '../sweeper.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { beings, killAll, killTogether } from '../world.ts'

/** See `descendants.py`. */
const KINDS = ['plain', 'own_group', 'session', 'daemon', 'daemon_cleared', 'plain_cleared', 'nohup'] as const
const ENDS = [
  'worker killed',
  'worker terminated',
  'host killed',
  'shepherd killed',
  'all killed at once',
  'closed',
] as const
const PROMISE = 2_000

/** Descendants of seven kinds, and every way in which their parent can end. */
export const grandchildren: Target = {
  name: 'grandchildren',
  promise:
    'no descendant outlives its worker, except a process without its tags when host and shepherd are killed at once',
  rounds: 100,
  byLevel: true,
  async run(context) {
    const decoys = new Decoys(context.python)
    const stateDir = context.folder()
    let escaped = 0
    let couldEscape = 0
    try {
      await context.play(async (number) => {
        const end = ENDS[number % ENDS.length] ?? 'closed'
        const host = new RuntimeSubject(context, stateDir)
        try {
          const { run } = await host.hear('open')
          // The kind that is known to get away at level `shepherd`.
          const extra = end === 'all killed at once' ? ['unmarked'] : []
          const { pid } = await host.start('mother', 'descendants', ...KINDS, ...extra)
          const nap = (): number[] => beings().flatMap(({ pid, command }) => (command === 'sleep 3600' ? pid : []))
          if (!(await within(PROMISE, () => nap().length === KINDS.length + extra.length)))
            throw new Error('some are missing')
          const { shepherds } = membersOf(String(run))
          const isOver = end === 'host killed' || end === 'all killed at once'
          if (end === 'worker killed') killAll([pid])
          else if (end === 'worker terminated') host.tell({ do: 'terminate', id: 'mother', grace: 1_000 })
          else if (end === 'host killed') killAll([host.pid])
          else if (end === 'shepherd killed') killAll(shepherds.slice(-1))
          else if (end === 'all killed at once') killTogether([host.pid, ...shepherds])
          else host.tell({ do: 'close' })
          if (isOver) await host.exited
          else if (end === 'closed') await host.hear('closed')
          else await host.hear('released', ({ id }) => id === 'mother')
          await within(end === 'all killed at once' ? 200 : PROMISE, () => nap().length === 0)
          if (end === 'all killed at once') {
            couldEscape += 1
            if (context.level === 'pidns') await within(PROMISE, () => nap().length === 0)
            else await sweepWithNextHost(context, stateDir)
          }
          const left = nap()
          const excused = end === 'all killed at once' && context.level === 'shepherd' ? 1 : 0
          if (excused > 0 && left.length !== 1) throw new Error(`exactly one should have got away, not ${left.length}`)
          escaped += Math.min(excused, left.length)
          const ended = await decoys.dead()
          context.count(
            number,
            { orphans: left.length - excused, innocents: ended.length },
            `${end}: ${left.length} left; ended: ${ended.join('; ')}`,
          )
          killAll(left)
          if (!isOver && end !== 'closed') await host.close()
        } finally {
          if (!host.isOver) killAll([host.pid])
        }
      })
    } finally {
      await decoys.end({ all: true })
    }
    if (context.level === 'shepherd')
      context.note(`of ${couldEscape} that had shed their mark, ${escaped} got away, as documented`)
  },
}
