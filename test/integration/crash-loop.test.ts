import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolEvents } from '@terrarium/pool'
import { readIdentity } from '@terrarium/process'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { habitat, isAlive, TOOLS } from '../support/terrarium.ts'
import { turn } from '../support/waiting.ts'

// Time is virtual: it passes only while a worker is down, so that no machine is too slow for a crash to count as soon
// after ready. The tests wait for events, however long they take; jest ends a test that hangs.

/** A module whose workers crash as soon as a file appears beside it, one worker for each time that it appears. */
const DIES_AFTER_READY = `
import os, threading, time
from terrarium import tool

@tool
def pid() -> int:
    return os.getpid()

def watch():
    order = os.path.join(os.path.dirname(__file__), "die")
    while not os.path.exists(order):
        time.sleep(0.01)
    os.remove(order)
    os._exit(3)

threading.Thread(target=watch, daemon=True).start()
`

/** Lets time pass while a worker is down, until it is started again or parked. Returns the delays, in ms. */
function passTime(pool: Pool, clock: VirtualClock): readonly number[] {
  const delays: number[] = []
  const down = new Set<string>()
  pool.on('worker.backoff', ({ delay }) => delays.push(delay))
  pool.on('worker.start', ({ worker }) => down.delete(worker))
  pool.on('worker.parked', ({ worker }) => down.delete(worker))
  const pass = async (worker: string): Promise<void> => {
    while (down.has(worker) && pool.status === 'running') {
      await clock.advance(1)
      await turn()
    }
  }
  pool.on('worker.exit', ({ worker }) => {
    down.add(worker)
    void pass(worker)
  })
  return delays
}

/** Resolves when the event is told of this worker. */
const told = (pool: Pool, event: 'worker.parked' | 'worker.ready', id: string): Promise<void> =>
  new Promise((resolve) => {
    pool.on(event, ({ worker }: Parameters<PoolEvents[typeof event]>[0]) => {
      if (worker === id) resolve()
    })
  })

test('41, I3: workers that crash after ready are restarted after growing delays, then parked', async () => {
  const home = habitat()
  home.expectedErrors.push(/parked/)
  const clock = new VirtualClock()
  const pool = createPool({
    ...home.common,
    name: 'loop',
    tools: home.file('tools.py', DIES_AFTER_READY),
    clock,
    backoff: { first: 0, base: 20, factor: 2, jitter: 'none', maxAttempts: 50 },
  })
  const delays = passTime(pool, clock)
  const parked = told(pool, 'worker.parked', 'worker-1')
  let readies = 0
  pool.on('worker.ready', () => {
    readies += 1
    home.file('die', '')
  })
  await pool.start()
  await parked
  // Six crashes of the same kind, each soon after ready, open the breaker; the first restart is immediate.
  expect(pool).toMatchObject({ status: 'parked', stats: { starts: 6, crashes: 6 } })
  expect(readies).toBe(6)
  expect(delays.filter((delay) => delay > 0)).toEqual([20, 40, 80, 160])
  await expect(pool.call('spawn')).rejects.toMatchObject({ code: 'PARKED', cause: { code: 'WORKER_CRASHED' } })
  await pool.stop()
})

test('I3: a worker that crashes over and over touches neither its siblings nor the restart budget that they share', async () => {
  const home = habitat()
  home.expectedErrors.push(/parked/)
  const clock = new VirtualClock()
  const pool = createPool({
    ...home.common,
    name: 'loop',
    tools: TOOLS,
    size: 3,
    clock,
    backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 1_000 },
    breaker: { unstable: 25 },
  })
  passTime(pool, clock)
  await pool.start()
  const siblings = pool.workers.slice(1).map(({ pid }) => pid ?? 0)
  const parked = told(pool, 'worker.parked', 'worker-1')
  const strike = (): void => void setImmediate(() => pool.kill('worker-1'))
  pool.on('worker.ready', ({ worker }) => {
    if (worker === 'worker-1') strike()
  })
  strike()
  await parked
  expect(pool.stats.crashes).toBe(25)
  expect(pool.workers.slice(1).map(({ pid }) => pid)).toEqual(siblings)
  expect(siblings.every(isAlive)).toBe(true)
  expect(pool.status).toBe('running')
  expect(siblings.map((pid) => readIdentity(pid)?.spawn)).toContain(await pool.call('spawn'))
  // A sibling that crashes now is restarted as if nothing had happened.
  const back = told(pool, 'worker.ready', 'worker-2')
  pool.kill('worker-2')
  await back
  expect(pool.workers[1]?.state).toBe('ready')
  await pool.stop()
})
