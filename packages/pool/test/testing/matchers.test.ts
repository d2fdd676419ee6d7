import { existsSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { createSupervisor } from '@terrarium/supervisor'
import { createPool, poolOf } from '@terrarium/pool'
import {
  assertEveryChildReady,
  assertNoProcessLeft,
  assertNothingRestarted,
  Habitat,
  matchers,
  testPool,
  testPoolLogic,
  VirtualClock,
  type PoolMatchers,
} from '@terrarium/pool/testing'
import { silent } from '../../../../test/support/loggers.ts'
import { habitat, testPython, TOOLS } from '../../../../test/support/terrarium.ts'

expect.extend(matchers)

/** In a project of npm, a declaration adds the matchers to the types, see docs/testing.md. */
const claim = (subject: unknown): PoolMatchers<void> & { readonly not: PoolMatchers<void> } => expect(subject) as never

const tools = { echo: ({ value }: { value: unknown }) => value }

/** The message of a matcher that fails, line by line. */
function wrong(use: () => void): string[] {
  try {
    use()
    return []
  } catch (error) {
    return (error as Error).message.split('\n').slice(1)
  }
}

test('a pool is ready when it runs and each of its workers is, and it tells of restarts', async () => {
  const clock = new VirtualClock()
  const pool = testPool({ name: 'p', size: 2, tools, clock, logger: silent })
  expect(
    wrong(() => {
      claim(pool).toHaveEveryChildReady()
    })[0],
  ).toBe('  - p is idle')
  await pool.start()
  claim(pool).toHaveEveryChildReady()
  claim(pool).toHaveRestartedNothing()
  assertEveryChildReady(pool)
  assertNothingRestarted(pool)
  pool.faults.failStarts('worker-2') // the first restart is at once
  pool.faults.crash('worker-2')
  await clock.advance(1)
  expect(
    wrong(() => {
      assertEveryChildReady(pool)
    }),
  ).toEqual(['  - worker-2 is backing off: worker p/worker-2 cannot start: worker-2 was told not to start'])
  await clock.advance(10_000)
  claim(pool).toHaveEveryChildReady()
  expect(
    wrong(() => {
      claim(pool).toHaveRestartedNothing()
    }),
  ).toEqual(['  - worker-2 was started 3 times'])
  expect(() => {
    claim(pool).not.toHaveEveryChildReady()
  }).toThrow('expected not: every child of p to be ready')
  await pool.stop()
  claim(pool).not.toHaveEveryChildReady()
})

test('a pool in an app is looked into: a worker that is parked is a child that is not ready', async () => {
  const clock = new VirtualClock()
  const text = testPoolLogic({ name: 'text', size: 2, tools, logger: silent })
  const app = createSupervisor({ id: 'app', clock, children: [{ id: 'text', logic: text, type: 'supervisor' }] })
  text.faults.failStarts('worker-2', { times: Infinity, error: new Error('no model') })
  const started = app.start()
  await clock.advance(3_600_000)
  await started
  expect(await poolOf(app.child('text')).call('echo', { value: 1 })).toBe(1)
  expect(app.children[0]?.state).toBe('running')
  expect(
    wrong(() => {
      claim(app).toHaveEveryChildReady()
    }),
  ).toEqual([expect.stringMatching(/^ {2}- text\/worker-2 is parked: worker text\/worker-2 cannot start: no model$/)])
  await app.stop()
})

test('no process is left once a pool has stopped, by scanning the system', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS })
  await pool.start()
  claim(pool).toHaveEveryChildReady()
  expect(() => {
    claim(home).toHaveLeftNoProcess()
  }).toThrow(/^processes are left: \d+/)
  expect(() => {
    assertNoProcessLeft(home.stateDir)
  }).toThrow(/^processes are left: \d+/)
  claim(home).not.toHaveLeftNoProcess()
  await pool.stop()
  claim(home).toHaveLeftNoProcess()
  assertNoProcessLeft(home.stateDir)
  expect(() => {
    claim({}).toHaveLeftNoProcess()
  }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('a habitat is of use without a runner: at the end of its block it checks itself', async () => {
  let directory = ''
  const block = async (): Promise<void> => {
    await using home = new Habitat({ python: testPython() })
    directory = home.directory
    const pool = home.pool({ name: 'p', tools: TOOLS })
    await pool.start()
    await pool.call('die').catch(() => undefined)
  }
  await expect(block()).rejects.toThrow(/p\/worker-1: worker p\/worker-1 died: exit status 1/)
  expect(existsSync(directory)).toBe(false)
})
