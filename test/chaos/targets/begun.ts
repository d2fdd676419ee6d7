// The target `begun`: SIGKILLs of workers that run calls which leave a trace.
import { join } from 'node:path'
import { pino } from 'pino'
import { killWhileCalling, WAYS } from '../../support/killing.ts'
import type { Target } from '../target.ts'

/** The kills of one round. The rounds of the long form have more than 1,000. */
const KILLS = 24

/** Workers that are killed over both transports, with one call at a time and with many. */
export const begun: Target = {
  name: 'begun',
  promise: 'a call that is not idempotent runs once at most, and is told of; what had not begun is run elsewhere',
  rounds: 6 * WAYS.length,
  byLevel: false,
  async run(context) {
    const { python, level: containment } = context
    const sums = { calls: 0, kills: 0, crashed: 0, crashedUnrun: 0, retried: 0 }
    await context.play(async (number, random) => {
      const way = WAYS[number % WAYS.length]
      if (way === undefined) return
      const folder = join(context.folder(), 'calls')
      const options = { python, containment, stateDir: context.folder(), logger: pino({ level: 'silent' }) }
      const killed = await killWhileCalling({ ...way, kills: KILLS, random, folder, options })
      const about = `${JSON.stringify(way)}: ${JSON.stringify(killed)}`
      const { kills, unsettled, untrue, twice, processesLeft, strange, crashedUnrun } = killed
      context.count(number, { lost: unsettled + untrue, duplicates: twice, orphans: processesLeft }, about)
      if (strange.length > 0 || crashedUnrun > kills) throw new Error(about)
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += killed[name]
    })
    const { calls, kills, crashed, crashedUnrun, retried } = sums
    context.note(
      `${kills} kills among ${calls} calls: ${crashed} told of a crash, of which ${crashedUnrun} left no trace; ${retried} retried`,
    )
  },
}
