// A pool without Python is like a real one: each scenario runs on both, and what a caller sees is the same, results,
// codes, texts, events and counts.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolEvents, type PoolOptions } from '@terrarium/pool'
import { testPool, VirtualClock, type TestPoolOptions } from '@terrarium/pool/testing'
import { TerrariumError } from '@terrarium/supervisor/base'
import { mistakesOf } from '../../../../test/support/mistakes.ts'
import { habitat, testPython, type Habitat } from '../../../../test/support/terrarium.ts'
import { javascriptValue, refusedRows, same, sentRows, withoutPackage } from '../../../../test/support/values.ts'
import { CALL_SCENARIOS } from './call-scenarios.ts'
import { HOST_SCENARIOS } from './host-scenarios.ts'
import { PYTHON_TOOLS, TEST_TOOLS } from './likeness-tools.ts'
import { STREAM_SCENARIOS } from './stream-scenarios.ts'
import { SESSION_SCENARIOS } from './session-scenarios.ts'
import { PYTHON_SESSION_TOOLS, TEST_SESSION_TOOLS } from './session-tools.ts'
import { PYTHON_STREAM_TOOLS, TEST_STREAM_TOOLS } from './stream-tools.ts'
import { outcomeOf, passes, type Scenario, type Stage } from './stage.ts'
import { WORKER_SCENARIOS } from './worker-scenarios.ts'

const BROKEN = {
  module: 'import absent\n',
  exception: 'raise RuntimeError("not today")\n',
  slow: 'import time\ntime.sleep(60)\n',
} as const

type Kind = 'real' | 'test'

function stageOf(kind: Kind, home: Habitat, { options, broken }: Scenario): Stage {
  home.expectedErrors.push(/^parked: /)
  const clock = new VirtualClock()
  const path = (name: string): string => join(home.directory, name)
  const common = { ...home.common, name: 'p', clock, ...options }
  if (kind === 'real') {
    const tools = home.file(
      'tools.py',
      (broken === undefined ? '' : BROKEN[broken]) + PYTHON_TOOLS + PYTHON_STREAM_TOOLS + PYTHON_SESSION_TOOLS,
    )
    const pool = createPool({ ...common, tools, env: { PYTHONPATH: home.directory } })
    const freeze = (id: string): void => {
      process.kill(pool.workers.find((worker) => worker.id === id)?.pid ?? 0, 'SIGSTOP')
    }
    return { pool, clock, path, freeze }
  }
  const boot = (): unknown => {
    if (broken === 'slow') return new Promise(() => undefined)
    if (broken === 'exception') throw new Error('not today')
    if (broken === undefined || existsSync(path('absent.py'))) return undefined
    throw new TerrariumError('CONFIGURATION', 'no absent', { details: { watch: [home.directory] } })
  }
  const pool = testPool({ ...common, tools: { ...TEST_TOOLS, ...TEST_STREAM_TOOLS, ...TEST_SESSION_TOOLS }, boot })
  const freeze = (id: string): void => {
    pool.faults.hang(id)
  }
  return { pool, clock, path, freeze }
}

const EVENTS = [
  'worker.start',
  'worker.ready',
  'worker.exit',
  'worker.backoff',
  'worker.parked',
  'worker.unparked',
  'call.retry',
] as const satisfies readonly (keyof PoolEvents)[]

/** All events of a pool, by worker. */
function eventsOf(pool: Pool): Record<string, string[]> {
  const told: Record<string, string[]> = {}
  for (const event of EVENTS) {
    pool.on(event, (fields: { readonly worker: string; readonly reason?: { type: string; error?: unknown } }) => {
      const { type, error } = fields.reason ?? {}
      const why = [type, (error as TerrariumError | undefined)?.code].filter(Boolean).join(' ')
      ;(told[fields.worker] ??= []).push(`${event} ${why}`.trim())
    })
  }
  return told
}

/** Replaces what differs between any two runs: pids, times, texts of Python. */
function comparable(value: unknown, without: readonly string[] = []): unknown {
  const text = JSON.stringify(value, (key, field: unknown) =>
    ['traceback', 'pid', 'runTime', 'queueTime', ...without].includes(key) ? undefined : field,
  )
  return JSON.parse(text.replace(/\bpid \d+\b/g, 'pid N'))
}

async function seen(kind: Kind, scenario: Scenario): Promise<unknown> {
  const stage = stageOf(kind, habitat(), scenario)
  const { pool } = stage
  const events = eventsOf(pool)
  try {
    const result = await scenario.run(stage)
    const { stats, workers } = pool
    const states = workers.map(({ id, state, inFlight }) => ({ id, state, inFlight }))
    const stopped = pool.stop()
    await passes(stage, 'the pool has stopped', () => pool.status === 'stopped' || pool.status === 'idle', 50)
    return comparable({ result, stats, states, events, stopped: await stopped }, scenario.without)
  } finally {
    await pool.stop()
  }
}

const SCENARIOS = {
  ...CALL_SCENARIOS,
  ...HOST_SCENARIOS,
  ...WORKER_SCENARIOS,
  ...STREAM_SCENARIOS,
  ...SESSION_SCENARIOS,
}

test.each(Object.entries(SCENARIOS))('%s: as in Python', async (_, scenario) => {
  const real = await seen('real', scenario)
  expect(JSON.stringify(real).length).toBeGreaterThan(100)
  expect(await seen('test', scenario)).toEqual(real)
})

test('each value that goes there and back does so in the same way, and each that is refused is refused in the same words', async () => {
  const nothing = { run: () => Promise.resolve() }
  const pools = (['real', 'test'] as const).map((kind) => stageOf(kind, habitat(), nothing).pool)
  await Promise.all(pools.map((pool) => pool.start()))
  const [real, without] = pools as [Pool, Pool]
  const python = testPython()
  const rows = sentRows.filter(
    ({ to, needs }) => to === 'both' && (needs === undefined || withoutPackage(python, needs) === undefined),
  )
  expect(rows.length).toBeGreaterThan(20)
  const different: string[] = []
  for (const { javascript } of rows) {
    const [one, other] = await Promise.all(
      [real, without].map((pool) => pool.call('echo', { value: javascriptValue(javascript) })),
    )
    if (!same(one, other)) different.push(javascript)
  }
  expect(different).toEqual([])
  const refused = refusedRows.filter((row) => row.in === 'JavaScript')
  expect(refused.length).toBeGreaterThan(5)
  for (const { value } of refused) {
    const args = { rows: [{ value: javascriptValue(value) }] }
    const [one, other] = await Promise.all([real, without].map((pool) => outcomeOf(pool.call('echo', args))))
    expect(other).toEqual(one)
    expect(one).toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
  await Promise.all(pools.map((pool) => pool.stop()))
})

test('mistakes in the options are refused in the same words, all at once', async () => {
  const wrong = { name: '!', size: 0, sise: 2, concurrency: 1.5, clock: {}, heartbeat: { interval: 0 }, env: { a: 1 } }
  const real = await mistakesOf(() => createPool({ ...wrong, tools: 'tools.py' } as unknown as PoolOptions))
  const without = await mistakesOf(() => testPool({ ...wrong, tools: {} } as unknown as TestPoolOptions))
  expect(real.length).toBeGreaterThan(5)
  expect(without).toEqual(real)
  const tools = { 'no name': () => 1, x: 3, y: { run: () => 1, async: true }, z: () => 1 }
  expect(await mistakesOf(() => testPool({ name: 'p', tools, boot: 1 } as unknown as TestPoolOptions))).toEqual([
    expect.stringMatching(/^tools\.no name must have a name of 1 to 128 letters/),
    'tools.x must be a function, or { run, isAsync, isStream, parameters, batch, within }, not 3',
    expect.stringMatching(/^tools\.y must be a function, or/),
    'boot must be a function, not 1',
  ])
})
