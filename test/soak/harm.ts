// What is done to the wild pool of a soak: its workers and its shepherd are killed, at random moments.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from '@terrarium/pool'
import { findTagged, readIdentity } from '@terrarium/process'
import type { Random } from '../support/random.ts'

export interface Harm {
  drills: number
  workers: number
  shepherds: number
}

/** Between two kills, in ms; and each so many of them is a kill of the shepherd. */
const PAUSE = [50, 800] as const
const SHEPHERD_EVERY = 15

/** Kills until it is over. */
export async function doHarm(pool: Pool, stateDir: string, random: Random, isOver: () => boolean): Promise<Harm> {
  const done: Harm = { drills: 0, workers: 0, shepherds: 0 }
  for (let kills = 1; !isOver(); kills += 1) {
    await sleep(random.between(...PAUSE))
    if (kills % SHEPHERD_EVERY === 0) {
      for (const pid of shepherdsOf(stateDir)) if (kill(pid)) done.shepherds += 1
    } else if (random.chance(0.5)) {
      if (pool.kill() !== undefined) done.drills += 1
    } else {
      // From outside: the pool does not know of it before the session ends.
      const pid = pool.workers[random.between(0, pool.workers.length - 1)]?.pid
      if (pid !== undefined && readIdentity(pid) !== undefined && kill(pid)) done.workers += 1
    }
  }
  return done
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false // it has exited
  }
}

/** Shepherds, and their guard processes. */
function shepherdsOf(stateDir: string): number[] {
  const file = join(stateDir, 'installation.json')
  if (!existsSync(file)) return []
  const { installation } = JSON.parse(readFileSync(file, 'utf8')) as { installation: string }
  return findTagged({ installation })
    .map(({ pid }) => pid)
    .filter((pid) => isShepherd(pid))
}

function isShepherd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .some((argument) => argument.endsWith('/terrarium_shepherd/__main__.py'))
  } catch {
    return false
  }
}
