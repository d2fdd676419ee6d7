// The target `log`: damaged reservation logs.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { readLog } from '@terrarium/process'
import { DAMAGES } from '../damage.ts'
import { Decoys } from '../decoys.ts'
import { RuntimeSubject } from '../runtime-subject.ts'
import { factsOf, membersOf } from '../subject.ts'
import { sweepWithNextHost } from '../sweeper.ts'
import type { Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { killAll, killTogether, strangers } from '../world.ts'

const KINDS = Object.keys(DAMAGES)
const DAEMONS = ['session', 'daemon']

/**
 * The log of a dead run is damaged while its descendants live. The sweep has to notice the damage, end the descendants
 * all the same, and touch no other process.
 */
export const log: Target = {
  name: 'log',
  promise: 'damage to a log is noticed, and costs neither an orphan nor an innocent',
  rounds: 20 * KINDS.length,
  byLevel: true,
  async run(context) {
    const decoys = new Decoys(context.python)
    let noticed = 0
    let harmless = 0
    try {
      await context.play(async (number, random) => {
        const kind = KINDS[number % KINDS.length] ?? ''
        const stateDir = context.folder()
        const host = new RuntimeSubject(context, stateDir)
        try {
          const { run } = await host.hear('open')
          for (const id of ['one', 'two', 'three']) await host.start(id, 'descendants', ...DAEMONS)
          const [{ spawn } = { spawn: '' }] = host.heard('spawned')
          await decoys.resemble(factsOf(stateDir, String(run), String(spawn)))
          killTogether([host.pid, ...membersOf(String(run)).shepherds])
          await host.exited
          const folder = join(stateDir, 'runs', String(run), 'log')
          const copy = join(context.folder(), 'log')
          cpSync(folder, copy, { recursive: true })
          cpSync(`${folder}.seq`, `${copy}.seq`)
          const truth = await readLog(copy)
          if (truth.damage.length > 0) throw new Error(`it was damaged before: ${truth.damage.join('; ')}`)
          DAMAGES[kind]?.(folder, random.next())
          const after = await readLog(folder)
          const isWhole = JSON.stringify(after.reservations) === JSON.stringify(truth.reservations)
          const report = await sweepWithNextHost(context, stateDir, ({ reason }) => reason === 'log_damaged')
          const isNoticed = report.left.some(({ reason }) => reason === 'log_damaged')
          if (isNoticed) noticed += 1
          else if (isWhole) harmless += 1
          else context.count(number, { lost: 1 }, `${kind}: the damage was not noticed`)
          await within(2_000, () => strangers(new Set(decoys.pids)).length === 0)
          const left = strangers(new Set(decoys.pids))
          const ended = await decoys.dead()
          context.count(
            number,
            { orphans: left.length, innocents: ended.length },
            `${kind}: ${JSON.stringify({ left, ended })}`,
          )
          killAll(left.map(({ pid }) => pid))
        } finally {
          if (!host.isOver) killAll([host.pid])
          await decoys.end()
        }
      })
    } finally {
      await decoys.end({ all: true })
    }
    context.note(`${noticed} noticed, ${harmless} without any loss`)
  },
}
