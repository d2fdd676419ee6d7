// The target `reuse`: process ids that pass to innocent processes.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { shepherdFiles } from '@terrarium/process'
import { canChooseNumbers, end, takeNumber } from '../reuse.ts'
import { RuntimeSubject } from '../runtime-subject.ts'
import { membersOf } from '../subject.ts'
import { sweepWithNextHost } from '../sweeper.ts'
import type { Context, Target } from '../target.ts'
import { isAlive, killAll, killTogether, until } from '../world.ts'

const SCRIPT = fileURLToPath(new URL('../../../chaos/reuse.py', import.meta.url))
const TOGETHER = 4

/** The ids of dead processes pass to innocents, at the worst moments. */
export const reuse: Target = {
  name: 'reuse',
  promise: 'no process is killed because it has the process id of an exited one',
  rounds: 200,
  byLevel: true,
  lacks: () =>
    canChooseNumbers() ? {} : { all: 'the number of the next process cannot be chosen here (ns_last_pid)' },
  async run(context) {
    await betweenComparisonAndSignal(context)
    await atTheSweep(context)
    // Inside a PID namespace of their own, processes cannot even name the id of an innocent.
    if (context.level !== 'pidns') await insideExitHandlers(context)
  },
}

/** One process at a time, killed by the sweep helper itself. */
async function betweenComparisonAndSignal(context: Context): Promise<void> {
  const args = ['-I', '-S', SCRIPT, shepherdFiles(), String(context.rounds)]
  const { stdout } = await promisify(execFile)(context.python, args)
  const { rounds = 0, innocents = 0, 'same tick': same = 0 } = JSON.parse(stdout) as Record<string, number>
  context.count(0, { rounds, innocents }, 'between comparison and signal')
  context.note(`between comparison and signal: ${rounds}, ${same} of them started in the same tick`)
}

/** The log of a dead run names processes whose ids belong to innocents now. */
async function atTheSweep(context: Context): Promise<void> {
  const stateDir = context.folder()
  let reused = 0
  while (reused < context.rounds) {
    const host = new RuntimeSubject(context, stateDir)
    const { run } = await host.hear('open')
    const ours = await Promise.all(Array.from({ length: TOGETHER }, (_, index) => host.start(String(index), 'idle')))
    killTogether([host.pid, ...membersOf(String(run)).shepherds])
    await host.exited
    const innocents = []
    for (const { pid } of ours) innocents.push(await takeNumber(pid))
    const { killed } = await sweepWithNextHost(context, stateDir)
    const ended = innocents.filter(({ pid }) => !isAlive(pid ?? 0)).length
    context.count(
      0,
      { rounds: TOGETHER, innocents: ended },
      `at the sweep, which says that it has killed ${JSON.stringify(killed)}`,
    )
    await Promise.all(innocents.map(end))
    reused += TOGETHER
  }
  context.note(`at the sweep: ${reused}`)
}

/** The host learns of exits when the ids belong to innocents already, and signals every exited process. */
async function insideExitHandlers(context: Context): Promise<void> {
  const host = new RuntimeSubject(context, context.folder())
  await host.hear('open')
  let reused = 0
  while (reused < context.rounds) {
    const ids = Array.from({ length: TOGETHER }, (_, index) => `${reused + index}`)
    const ours = await Promise.all(ids.map((id) => host.start(id, 'idle')))
    host.tell({ do: 'avenge', ids })
    host.tell({ do: 'block', ms: 150 })
    host.tell({ do: 'census' })
    killAll(ours.map(({ pid }) => pid))
    await until('they are gone', () => !ours.some(({ pid }) => isAlive(pid)))
    const innocents = []
    for (const { pid } of ours) innocents.push(await takeNumber(pid))
    await Promise.all(ids.map((id) => host.exit(id)))
    const before = host.heard('census').length
    host.tell({ do: 'census' })
    await until('all signals have been sent', () => host.heard('census').length > before)
    await Promise.all(ids.map((id) => host.hear('released', (said) => said['id'] === id)))
    const ended = innocents.filter(({ pid }) => !isAlive(pid ?? 0)).length
    context.count(0, { rounds: TOGETHER, innocents: ended }, 'inside exit handlers')
    await Promise.all(innocents.map(end))
    reused += TOGETHER
  }
  await host.close()
  context.note(`inside exit handlers: ${reused}`)
}
