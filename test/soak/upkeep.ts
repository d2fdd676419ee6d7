// Pauses, drains and reloads a pool of the soak again and again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from '@terrarium/pool'
import type { Random } from '../support/random.ts'

export interface Upkeep {
  drains: number
  reloads: number
  /** Reloads that could not be finished: workers of this pool die. */
  failed: number
}

/** `reloads`: whether the workers are replaced too. Resolves when it is over, with the pool resumed. */
export async function keepUp(pool: Pool, random: Random, reloads: boolean, isOver: () => boolean): Promise<Upkeep> {
  const done: Upkeep = { drains: 0, reloads: 0, failed: 0 }
  while (!isOver()) {
    await sleep(random.between(300, 1_500))
    if (isOver()) break
    if (reloads && random.chance(0.4)) {
      try {
        await pool.reload()
        done.reloads += 1
      } catch {
        done.failed += 1
      }
      continue
    }
    const drained = pool.drain()
    const resume = setTimeout(() => { pool.resume() }, 2_000) // prettier-ignore
    try {
      await drained
      done.drains += 1
    } catch {
      // It was resumed before every call had ended.
    }
    clearTimeout(resume)
    pool.resume()
  }
  return done
}
