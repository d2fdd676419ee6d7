// The target `bursts`: kills during many starts.
import { join } from 'node:path'
import { readLog } from '@terrarium/process'
import { Decoys } from '../decoys.ts'
import { RuntimeSubject } from '../runtime-subject.ts'
import { membersOf } from '../subject.ts'
import { sweepWithNextHost } from '../sweeper.ts'
import type { Context, Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { killAll, killTogether, strangers, until } from '../world.ts'

const VICTIMS = ['shepherd', 'host', 'host+shepherds'] as const
const MOST = 40
/** The longest time of a start, in ms. The kill comes before, during or right after the burst. */
const PER_START = 6
const PROMISE = 2_000
/** Starts two daemons with an empty environment at once, and stays. */
const PROGRAM = 'for _ in 1 2; do env -i setsid sleep 3600 & done; echo ready; sleep 3600'

/** Kills host, guard process or shepherd while many processes start, each of which leaves daemons at once. */
export const bursts: Target = {
  name: 'bursts',
  promise: 'a start that was interrupted succeeds or is refused, and no process of it is left',
  rounds: 100,
  byLevel: true,
  async run(context) {
    const decoys = new Decoys(context.python)
    const stateDir = context.folder()
    try {
      await context.play(async (number, random) => {
        const victims = random.pick(VICTIMS)
        const host = new RuntimeSubject(context, stateDir)
        const about = (what: string): string => `${victims}: ${what}`
        try {
          const run = String((await host.hear('open'))['run'])
          const { shepherds } = membersOf(run)
          const ids = Array.from({ length: random.between(1, MOST) }, (_, index) => String(index))
          for (const id of ids) host.tell({ do: 'start', id, command: 'sh', args: ['-c', PROGRAM] })
          await host.hear('reserved')
          await new Promise((resolve) => setTimeout(resolve, random.next() * ids.length * PER_START))
          if (victims === 'shepherd') {
            killAll(shepherds.slice(-1))
            await comesBack(host, ids)
          } else {
            killTogether(victims === 'host' ? [host.pid] : [host.pid, ...shepherds])
            await host.exited
            const lost = await lostReservations(host, join(stateDir, 'runs', run, 'log'))
            context.count(number, { lost: lost.length }, about(`not in the log: ${lost.join(', ')}`))
            if (!isPromisedAtOnce(context, victims)) await sweepWithNextHost(context, stateDir)
          }
          const left = () => strangers(new Set(decoys.pids))
          await within(PROMISE, () => left().length === 0)
          const orphans = left().map(({ pid, command }) => `${pid} ${command}`)
          const ended = await decoys.dead()
          context.count(
            number,
            { orphans: orphans.length, innocents: ended.length },
            about(`left: ${orphans.join('; ')}; ended: ${ended.join('; ')}`),
          )
          killAll(left().map(({ pid }) => pid))
        } catch (error) {
          throw new Error(about(`${(error as Error).message}\n${host.story}`), { cause: error })
        } finally {
          if (!host.isOver) killAll([host.pid])
        }
      })
    } finally {
      await decoys.end({ all: true })
    }
  },
}

/** The host lives: each start has an answer, the next start succeeds, and no process is left after close(). */
async function comesBack(host: RuntimeSubject, ids: readonly string[]): Promise<void> {
  await answers(host, ids)
  // The first start may still be sent to the dying shepherd.
  for (const id of ['next', 'after next']) {
    host.tell({ do: 'start', id, ...host.command('idle') })
    await answers(host, [id])
  }
  await host.ready('after next')
  const { left, unreleased } = await host.close()
  if (unreleased !== 0 || (left as unknown[]).length > 0) throw new Error('it was not closed in order')
  const unexpected = host.unexpected([/the shepherd has died/])
  if (unexpected.length > 0) throw new Error(unexpected.join('\n'))
}

async function answers(host: RuntimeSubject, ids: readonly string[]): Promise<void> {
  const spawned = (id: string): boolean => host.heard('spawned').some((said) => said['id'] === id)
  const refused = (id: string): boolean =>
    host.heard('refused').some(({ order, code }) => (order as { id: string }).id === id && code === 'START_FAILED')
  await until('each start has an answer', () => ids.every((id) => spawned(id) || refused(id)))
}

/** Spawns that were acknowledged as reserved, are not released, and are not in the log. */
async function lostReservations(host: RuntimeSubject, log: string): Promise<string[]> {
  const { reservations, damage } = await readLog(log)
  if (damage.length > 0) throw new Error(`its log is damaged: ${damage.join('; ')}`)
  const known = new Set(reservations.map(({ spawn }) => spawn))
  const released = new Set(host.heard('released').map(({ spawn }) => spawn))
  return host
    .heard('reserved')
    .flatMap(({ spawn }) => (known.has(String(spawn)) || released.has(spawn) ? [] : String(spawn)))
}

/**
 * Whether a shepherd or guard process is left to have the kernel end all. At level `shepherd` the next start finds what
 * has removed its spawn tag.
 */
function isPromisedAtOnce({ level }: Context, victims: (typeof VICTIMS)[number]): boolean {
  return level === 'pidns' || (level === 'cgroup' && victims === 'host')
}
