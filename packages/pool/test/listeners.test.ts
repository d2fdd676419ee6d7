import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolEvents } from '@terrarium/pool'
import { eventually, habitat, TOOLS } from '../../../test/support/terrarium.ts'

const explode = (): never => {
  throw new Error('boom')
}

const explodeLater = (() => Promise.reject(new Error('boom later'))) as () => void

/** A tool whose first run of each path takes for ever. */
const HOLD_ONCE = `
import asyncio, os
from terrarium import tool

@tool
async def hold_once(path: str, value: int) -> int:
    if not os.path.exists(path):
        open(path, 'w').close()
        await asyncio.sleep(600)
    return value
`

test('C1: a listener for call.retry that throws keeps no call from being settled', async () => {
  const home = habitat()
  home.expectedErrors.push(/^a listener for call.retry failed$/)
  const tools = home.file('tools.py', HOLD_ONCE)
  const pool = createPool({ ...home.common, name: 'p', tools, concurrency: 4, drainTimeout: 0 })
  await pool.start()
  let heard = 0
  pool.on('call.retry', explode)
  pool.on('call.retry', () => (heard += 1))
  const paths = Array.from({ length: 4 }, (_, value) => join(home.directory, `begun ${value}`))
  const calls = paths.map((path, value) => pool.call('hold_once', { path, value }, { idempotent: true }))
  await eventually('all have begun', () => paths.every((path) => existsSync(path)))
  expect(pool.kill()).toMatchObject({ worker: 'worker-1' })
  expect(await Promise.all(calls)).toEqual([0, 1, 2, 3])
  expect(heard).toBe(4)
  expect(pool.stats).toMatchObject({ accepted: 4, completed: 4, failed: 0, retried: 4, inFlight: 0, queued: 0 })
  const reports = home.log.filter(({ msg }) => msg === 'a listener for call.retry failed')
  expect(reports).toHaveLength(4) // once for each event
  expect(reports[0]).toMatchObject({ level: 50, pool: 'p', err: { message: 'boom' } })
  await pool.stop()
})

// An event that is missing here does not compile.
const EVENTS: Readonly<Record<keyof PoolEvents, true>> = {
  'worker.start': true,
  'worker.ready': true,
  'worker.exit': true,
  'worker.backoff': true,
  'worker.parked': true,
  'worker.unparked': true,
  'worker.output': true,
  'call.retry': true,
  'session.lost': true,
}

test('C2: a pool does all its work although listeners throw or reject at every event', async () => {
  const home = habitat()
  home.expectedErrors.push(/^a listener for [a-z.]+ failed$/, /^parked: /)
  const hostile = (...tools: string[]): Pool => {
    const pool = createPool({ ...home.common, name: 'p', tools })
    for (const event of Object.keys(EVENTS) as (keyof PoolEvents)[]) {
      pool.on(event, explode)
      pool.on(event, explodeLater)
    }
    return pool
  }
  const healing = hostile(home.file('tools.py', `import absent_until_later\n${readFileSync(TOOLS, 'utf8')}`))
  await expect(healing.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  home.file('absent_until_later.py', '')
  await eventually('it has healed', () => healing.status === 'running')
  expect(await healing.call('echo', { value: 1 })).toBe(1)
  expect(await healing.stop()).toEqual({ processesLeft: 0 })

  const dying = hostile(TOOLS, home.file('hold.py', HOLD_ONCE))
  await dying.start()
  const path = join(home.directory, 'begun')
  const call = dying.call('hold_once', { path, value: 2 }, { idempotent: true })
  await eventually('it has begun', () => existsSync(path))
  dying.kill()
  expect(await call).toBe(2)
  await dying.call('say', { text: 'hello' })
  expect(await dying.session('s').call('echo', { value: 3 })).toBe(3) // lost with the next death
  await expect(dying.call('die')).rejects.toMatchObject({ code: 'WORKER_CRASHED' })
  await eventually('another worker is ready', () => dying.stats.ready === 1)
  expect(dying.stats).toMatchObject({ accepted: 4, completed: 3, failed: 1 })
  expect(await dying.stop()).toEqual({ processesLeft: 0 })

  const told = new Set(home.log.map(({ msg }) => /^a listener for (\S+) failed$/.exec(msg)?.[1]))
  expect([...told].filter((event) => event !== undefined).sort()).toEqual(Object.keys(EVENTS).sort())
})

test('C2: start() resolves although a listener for worker.ready throws', async () => {
  const home = habitat()
  home.expectedErrors.push(/^a listener for worker.ready failed$/)
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS, size: 2 })
  pool.on('worker.ready', explode)
  await pool.start()
  expect(pool.stats.ready).toBe(2)
  await pool.stop()
})
