import { expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { readIdentity } from '@terrarium/process'
import { eventually, habitat, isAlive, TOOLS } from '../support/terrarium.ts'

/** A module whose workers crash as soon as a file appears beside it, though they were ready. */
const DIES_AFTER_READY = `
import os, threading, time
from terrarium import tool

@tool
def pid() -> int:
    return os.getpid()

def watch():
    while not os.path.exists(os.path.join(os.path.dirname(__file__), "die")):
        time.sleep(0.01)
    time.sleep(0.1)  # by then it is ready
    os._exit(3)

threading.Thread(target=watch, daemon=True).start()
`

test('workers that crash after ready are restarted after growing delays, then parked', async () => {
  const home = habitat()
  home.expectedErrors.push(/parked/)
  const pool = createPool({
    ...home.common,
    name: 'loop',
    tools: home.file('tools.py', DIES_AFTER_READY),
    backoff: { first: 0, base: 20, factor: 2, jitter: 'none', maxAttempts: 50 },
  })
  const delays: number[] = []
  let readies = 0
  pool.on('worker.backoff', ({ delay }) => delays.push(delay))
  pool.on('worker.ready', () => (readies += 1))
  await pool.start()
  home.file('die', '')
  await eventually('the pool is parked', () => pool.status === 'parked')
  // Six crashes of the same kind, each soon after ready, open the breaker; the first restart is immediate.
  expect(pool.stats).toMatchObject({ starts: 6, crashes: 6 })
  expect(readies).toBe(6)
  expect(delays.filter((delay) => delay > 0)).toEqual([20, 40, 80, 160])
  await expect(pool.call('spawn')).rejects.toMatchObject({ code: 'PARKED', cause: { code: 'WORKER_CRASHED' } })
  await pool.stop()
})

test('a worker that crashes over and over touches neither its siblings nor the restart budget that they share', async () => {
  const home = habitat()
  home.expectedErrors.push(/parked/)
  const pool = createPool({
    ...home.common,
    name: 'loop',
    tools: TOOLS,
    size: 3,
    backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 1_000 },
    breaker: { unstable: 25 },
  })
  await pool.start()
  const siblings = pool.workers.slice(1).map(({ pid }) => pid ?? 0)
  let parked = ''
  pool.on('worker.parked', ({ worker }) => (parked = worker))
  const strike = (): void => void setImmediate(() => pool.kill('worker-1'))
  pool.on('worker.ready', ({ worker }) => {
    if (worker === 'worker-1') strike()
  })
  strike()
  await eventually('the crashing worker is parked', () => parked === 'worker-1')
  expect(pool.stats.crashes).toBe(25)
  expect(pool.workers.slice(1).map(({ pid }) => pid)).toEqual(siblings)
  expect(siblings.every(isAlive)).toBe(true)
  expect(pool.status).toBe('running')
  expect(siblings.map((pid) => readIdentity(pid)?.spawn)).toContain(await pool.call('spawn'))
  // A sibling that crashes now is restarted as if nothing had happened.
  pool.kill('worker-2')
  await eventually('the sibling is back', () => pool.workers[1]?.state === 'ready')
  await pool.stop()
})
