import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat } from '../support/terrarium.ts'

jest.setTimeout(600_000)

// What a large library does when it is imported. The journal gets a + when that begins, and a - when it ends.
const HEAVY = `
import os, time
from terrarium import tool

journal = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(journal, b"+")
while time.process_time() < 2:
    pass
os.write(journal, b"-")

@tool
def echo(value):
    return value
`

test('D6: 16 workers whose import takes 2 s of CPU each come up within a startTimeout of 10 s, each started once', async () => {
  const home = habitat()
  const journal = join(home.directory, 'journal')
  const pool = createPool({
    ...home.common,
    name: 'heavy',
    tools: home.file('heavy.py', HEAVY),
    env: { JOURNAL: journal },
    size: 16,
    startTimeout: 10_000,
  })
  await pool.start()
  await eventually('all are ready', () => pool.stats.ready === 16, 400_000)
  expect(pool.stats).toMatchObject({ ready: 16, starts: 16, crashes: 0 })
  expect(home.log.filter(({ level }) => level >= 40)).toEqual([])
  let atOnce = 0
  const numbers = Array.from(readFileSync(journal, 'latin1'), (sign) => (atOnce += sign === '+' ? 1 : -1))
  expect({ notes: numbers.length, left: atOnce }).toEqual({ notes: 32, left: 0 })
  // All at once would be 16. As long as it is not known what a start needs, four for each processor may begin.
  expect(Math.max(...numbers)).toBeLessThanOrEqual(Math.max(4 * availableParallelism(), 12))
  expect(await Promise.all(pool.workers.map((_, value) => pool.call('echo', { value })))).toEqual(
    pool.workers.map((_, value) => value),
  )
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})
