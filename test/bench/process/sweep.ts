// The bench row of a sweep after a killed host.
import { existsSync, readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findTagged, readLog, type Identity, type SweepResult } from '@terrarium/process'
import { eventually } from '../../support/waiting.ts'
import { figure, type Figure } from '../figure.ts'
import { startPeer } from '../peer.ts'
import { startHost } from './host.ts'
import type { Stage } from './stage.ts'
import { inTurns, type Sample } from './turns.ts'

const PATIENCE = 10_000

/** What a killed host has left. */
interface Dead {
  readonly runs: number
  /** Reservations of each run, besides the shepherd's. */
  readonly records: number
}

/**
 * Measures the sweep of a new host after another host was killed, among many processes that are not Terrarium's.
 */
export async function measureSweeps(stage: Stage): Promise<Figure[]> {
  const { folder, python, quick, signal, log } = stage
  const [strangers, many, rounds] = quick ? [50, 5, 1] : [500, 50, 7]
  log(`hosts that sweep ${many} dead records among ${strangers} foreign processes`)
  const path = join(folder, 'foreign')
  const peer = await startPeer(python, 'process/foreign.py', [String(strangers), path])
  try {
    const foreign = (await readFile(path, 'utf8')).split(' ').map(Number)
    const turn = (dead: Dead) => async () => {
      const sample = await sweepAfter(dead, stage)
      const alive = foreign.filter(isAsleep).length
      if (alive !== strangers) throw new Error(`${alive} of ${strangers} foreign processes have lived through a sweep`)
      return sample
    }
    const among = `among ${strangers} foreign processes`
    const [one] = await inTurns([turn({ runs: 1, records: many })], { rounds, signal })
    const [each] = await inTurns([turn({ runs: many, records: 1 })], { rounds: Math.ceil(rounds / 3), signal })
    if (one === undefined || each === undefined) throw new RangeError('a contender, a result')
    const name = `sweep of a dead run with ${many} records ${among}`
    return [
      figure({ name, value: one.median.sweep, unit: 'ms', target: { atMost: 100 } }),
      figure({ name: `${name}, with openRuntime`, value: one.median.open, unit: 'ms' }),
      figure({ name: `sweep of ${many} dead runs with 1 record each ${among}`, value: each.median.sweep, unit: 'ms' }),
    ]
  } finally {
    await peer.close()
  }
}

async function sweepAfter({ runs, records }: Dead, { folder, python }: Stage): Promise<Sample<'sweep' | 'open'>> {
  const stateDir = join(folder, 'swept')
  const dead = await leaveBehind({ runs, records }, stateDir, python)
  const sweeper = await startHost('sweeping-host.js', [stateDir, python])
  await sweeper.exited
  const { swept, killed, dropped, left, after, sweep, open } = sweeper.said as SweepResult & {
    readonly after: readonly Identity[]
    readonly sweep: number
    readonly open: number
  }
  const isClean = [killed, dropped, left, after].every((list) => list.length === 0)
  const isSwept = swept.length === runs && dead.every((run) => swept.includes(run) && !existsSync(runOf(stateDir, run)))
  if (!isClean || !isSwept) throw new Error(`the sweep went wrong: ${JSON.stringify(sweeper.said)}`)
  await rm(stateDir, { recursive: true })
  return { sweep, open }
}

/** Kills a host while all its processes run, and waits until only their records are left. */
async function leaveBehind({ runs, records }: Dead, stateDir: string, python: string): Promise<string[]> {
  const host = await startHost('dying-host.js', [stateDir, python, String(runs), String(records)])
  await host.kill()
  const dead = host.said as string[]
  await eventually(
    'no process of the dead host is left',
    () => !dead.some((run) => findTagged({ run }).length > 0),
    PATIENCE,
  )
  for (const run of dead) {
    const { reservations, damage } = await readLog(join(runOf(stateDir, run), 'log'))
    const known = reservations.filter(({ name, pid }) => name !== 'shepherd' && pid !== undefined)
    if (known.length !== records || damage.length > 0) {
      throw new Error(`the log of a dead run has ${known.length} of ${records} records: ${damage.join('; ')}`)
    }
  }
  return dead
}

const runOf = (stateDir: string, run: string): string => join(stateDir, 'runs', run)

function isAsleep(pid: number): boolean {
  try {
    return /^\d+ \(sleep\) [^ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
