import { expect, test } from '@jest/globals'
import { readIdentity } from '@terrarium/process'
import { isTerrariumError } from '@terrarium/supervisor'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, TOOLS } from '../support/terrarium.ts'

/** A small seeded generator, so that a failing run can be repeated. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

test('37: 500 calls while workers are killed at random: every call settles exactly once', async () => {
  const home = habitat()
  const random = seeded(20261123)
  const pool = createPool({
    ...home.common,
    name: 'chaos',
    tools: TOOLS,
    size: 4,
    concurrency: 4,
    maxDeaths: 100,
    backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 10_000 },
    breaker: 'off',
  })
  await pool.start()
  const settled = new Array<number>(500).fill(0)
  const wrong: unknown[] = []
  const crashed = { idempotent: 0, once: 0 }
  const calls = settled.map(async (_, n) => {
    const idempotent = n % 2 === 0
    const slow = n % 5 === 0
    await pool
      .call(slow ? 'sleep' : 'echo', slow ? { seconds: 0.02 } : { value: n }, { idempotent })
      .then((value) => {
        if (value !== (slow ? 'slept' : n)) wrong.push({ n, value })
      })
      .catch((error: unknown) => {
        if (!isTerrariumError(error, 'WORKER_CRASHED')) wrong.push(error)
        crashed[idempotent ? 'idempotent' : 'once'] += 1
      })
    settled[n] = (settled[n] ?? 0) + 1
  })
  let kills = 0
  const done = Promise.all(calls).then(() => true)
  const killing = (async () => {
    while (settled.includes(0)) {
      // Killed from outside: the pool may send calls to this worker until it sees the stream close.
      const pid = pool.workers[Math.floor(random() * 4)]?.pid
      if (pid !== undefined && readIdentity(pid) !== undefined) {
        process.kill(pid, 'SIGKILL')
        kills += 1
      }
      await new Promise((resolve) => setTimeout(resolve, random() * 60))
    }
  })()
  await done
  await killing
  expect(wrong).toEqual([])
  expect(settled.every((times) => times === 1)).toBe(true)
  expect(kills).toBeGreaterThan(3)
  expect(crashed.idempotent).toBe(0)
  const { accepted, completed, failed } = pool.stats
  expect({ accepted, sum: completed + failed, failed }).toEqual({ accepted: 500, sum: 500, failed: crashed.once })
  await eventually('all are back', () => pool.stats.ready === 4)
  expect(pool.stats).toMatchObject({ queued: 0, inFlight: 0 })
  await pool.stop()
})
