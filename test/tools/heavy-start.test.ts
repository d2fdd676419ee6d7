import { expect, jest, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat } from '../support/terrarium.ts'

jest.setTimeout(600_000)

// What a large library does when it is imported.
const HEAVY = `
import time
from terrarium import tool

while time.process_time() < 2:
    pass

@tool
def echo(value):
    return value
`

test('D6: 16 workers whose import takes 2 s of CPU each come up within a startTimeout of 10 s, each started once', async () => {
  const home = habitat()
  const pool = createPool({
    ...home.common,
    name: 'heavy',
    tools: home.file('heavy.py', HEAVY),
    size: 16,
    startTimeout: 10_000,
  })
  await pool.start()
  await eventually('all are ready', () => pool.stats.ready === 16, 400_000)
  expect(pool.stats).toMatchObject({ ready: 16, starts: 16, crashes: 0 })
  expect(home.log.filter(({ level }) => level >= 40)).toEqual([])
  expect(await Promise.all(pool.workers.map((_, value) => pool.call('echo', { value })))).toEqual(
    pool.workers.map((_, value) => value),
  )
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})
