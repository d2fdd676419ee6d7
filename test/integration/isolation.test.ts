import { expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, isAlive, TOOLS } from '../support/terrarium.ts'

test("I10: the sweep of a new run never touches a live run's workers, current or restarting", async () => {
  const home = habitat()
  const options = { ...home.common, tools: TOOLS, size: 2 }
  const old = createPool({
    ...options,
    name: 'old',
    backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 1_000 },
    breaker: 'off',
  })
  await old.start()
  const [steady] = old.workers
  if (steady?.pid === undefined) throw new Error('no worker')

  // worker-2 restarts over and over while new runs start, sweep and stop beside it.
  let deaths = 0
  const killing = setInterval(() => {
    if (old.kill('worker-2') !== undefined) deaths += 1
  }, 5)
  for (let run = 0; run < 3; run++) {
    const fresh = createPool({ ...options, name: 'fresh' })
    await fresh.start()
    expect(fresh.stats.ready).toBe(2)
    expect(await fresh.stop()).toEqual({ processesLeft: 0 })
  }
  clearInterval(killing)
  expect(deaths).toBeGreaterThan(0)

  await eventually('the restarting worker is ready again', () => old.stats.ready === 2)
  expect(isAlive(steady.pid)).toBe(true)
  expect(old.workers[0]).toMatchObject({ pid: steady.pid, state: 'ready' })
  // Every crash was caused by this test: nothing else killed a worker.
  expect(old.stats.crashes).toBe(deaths)
  expect(home.log.filter(({ msg }) => /swept|left alone/i.test(msg)).filter(({ level }) => level > 20)).toEqual([])
  await old.stop()
})

test('9: a broken pool does not touch another pool, and its error has its own name', async () => {
  const home = habitat()
  home.expectedErrors.push(/parked/)
  const healthy = createPool({ ...home.common, name: 'healthy', tools: TOOLS })
  const broken = createPool({
    ...home.common,
    name: 'broken',
    tools: home.file('broken.py', 'import nosuch_module\n'),
  })
  await healthy.start()
  const [worker] = healthy.workers
  await expect(broken.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  await expect(broken.call('echo')).rejects.toMatchObject({ code: 'PARKED', details: { pool: 'broken' } })
  expect(await healthy.call('echo', { value: 1 })).toBe(1)
  expect(healthy.workers[0]?.pid).toBe(worker?.pid)
  await Promise.all([healthy.stop(), broken.stop()])
})
