// The target `reservations`: hosts that are killed while they reserve.
import { join } from 'node:path'
import { readLog } from '@terrarium/process'
import { RuntimeSubject } from '../runtime-subject.ts'
import { sweepWithNextHost } from '../sweeper.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { killAll, strangers } from '../world.ts'

const AT_A_TIME = 40

/**
 * A host is killed while it reserves. What it has acknowledged must be in its log. A process whose reservation was not
 * acknowledged may have been started all the same.
 */
export const reservations: Target = {
  name: 'reservations',
  promise: 'no acknowledged reservation is lost when the host is killed',
  rounds: 25,
  byLevel: true,
  async run(context) {
    const stateDir = context.folder()
    let asked = 0
    let acknowledged = 0
    let unacknowledged = 0
    await context.play(async (number, random) => {
      const host = new RuntimeSubject(context, stateDir)
      try {
        const { run } = await host.hear('open')
        for (let n = 0; n < AT_A_TIME; n++) host.tell({ do: 'start', id: String(n), command: 'sleep', args: ['3600'] })
        const enough = random.between(0, AT_A_TIME - 1)
        await host.hear('reserved', ({ id }) => Number(id) >= enough)
        await new Promise((resolve) => setTimeout(resolve, random.next() * 20))
        killAll([host.pid])
        await host.exited
        await within(50, () => false)
        const said = host.heard('reserved').map(({ spawn }) => String(spawn))
        const { reservations: found, damage } = await readLog(join(stateDir, 'runs', String(run), 'log'))
        if (damage.length > 0) throw new Error(`the log is damaged: ${damage.join('; ')}`)
        const known = new Set(found.map(({ spawn }) => spawn))
        const lost = said.filter((spawn) => !known.has(spawn))
        asked += AT_A_TIME
        acknowledged += said.length
        // Reservations that were on their way to the disk may have been started. The scan for spawn tags finds them.
        unacknowledged += found.filter(({ spawn, name }) => name !== 'shepherd' && !said.includes(spawn)).length
        const duplicates = said.length - new Set(said).size
        context.count(number, { lost: lost.length, duplicates }, `acknowledged, and not in the log: ${lost.join(', ')}`)
        await sweepWithNextHost(context, stateDir)
        await within(2_000, () => strangers(new Set()).length === 0)
        context.count(number, { orphans: strangers(new Set()).length })
        killAll(strangers(new Set()).map(({ pid }) => pid))
      } finally {
        if (!host.isOver) killAll([host.pid])
      }
    })
    context.note(`${asked} reservations, ${acknowledged} acknowledged, ${unacknowledged} more on disk`)
  },
}
