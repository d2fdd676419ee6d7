import { expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, TOOLS } from '../support/terrarium.ts'

test('a pool starts, its workers become ready, it stops, and no process is left', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS, size: 2 })
  await pool.start()
  expect(pool.workers.map(({ state }) => state)).toEqual(['ready', 'ready'])
  expect(pool.workers.map(({ pid }) => pid).sort()).toEqual(home.workers().sort())
  expect(await pool.call('echo', { value: { a: [1, 'ü', null] } })).toEqual({ a: [1, 'ü', null] })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  expect(home.marked()).toEqual([])
  expect(pool.status).toBe('stopped')
})

test('33: in two seconds of normal work no process is started or reaped, and nothing above info is logged', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS, size: 2 })
  await pool.start()
  const before = home.workers().sort()
  expect(before).toHaveLength(2)
  const seen = new Set<string>()
  for (const end = performance.now() + 2_000; performance.now() < end;) {
    seen.add(JSON.stringify(home.workers().sort()))
    await pool.call('echo', { value: 1 })
  }
  expect([...seen]).toEqual([JSON.stringify(before)])
  expect(pool.stats).toMatchObject({ starts: 2, crashes: 0, failed: 0 })
  expect(home.log.filter(({ level }) => level > 30)).toEqual([])
  await pool.stop()
})

test('16: three cycles of start and stop leave no process each time', async () => {
  const home = habitat()
  for (let cycle = 0; cycle < 3; cycle++) {
    const pool = createPool({ ...home.common, name: 'text', tools: TOOLS, size: 2 })
    await pool.start()
    expect(pool.stats.ready).toBe(2)
    expect(home.workers()).toHaveLength(2)
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
    expect(home.marked()).toEqual([])
  }
  expect(home.log.filter(({ level }) => level > 30)).toEqual([])
})

test('25: stop() ends grandchildren, in the process group of the worker and outside of it', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS })
  await pool.start()
  await pool.call('child', { seconds: 60 })
  await pool.call('daemon', { seconds: 60 })
  expect(home.workers()).toHaveLength(3)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  expect(home.marked()).toEqual([])
})

test('the grandchildren of a killed worker end, and its successor serves', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS })
  await pool.start()
  const [first] = home.workers()
  await pool.call('child', { seconds: 60 })
  await pool.call('daemon', { seconds: 60 })
  expect(pool.kill('worker-1')).toEqual({ worker: 'worker-1', pid: first })
  expect(await pool.call('echo', { value: 'again' })).toBe('again')
  await eventually('only the successor is left', () => home.workers().length === 1)
  expect(home.workers()).not.toContain(first)
  await pool.stop()
})

test('stop() during the start leaves no process', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS, size: 2 })
  const started = pool.start()
  await eventually('a process exists', () => home.workers().length > 0)
  await Promise.all([
    expect(started).rejects.toMatchObject({ code: 'STOPPED' }),
    expect(pool.stop()).resolves.toEqual({ processesLeft: 0 }),
  ])
  expect(home.marked()).toEqual([])
})
