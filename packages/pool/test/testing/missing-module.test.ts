import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createSupervisor } from '@terrarium/supervisor'
import { poolOf, type PoolEvents } from '@terrarium/pool'
import { testPool, testPoolLogic, VirtualClock, type TestPool, type TestPoolOptions } from '@terrarium/pool/testing'
import { silent } from '../../../../test/support/loggers.ts'

const tools: TestPoolOptions['tools'] = { double: ({ n }: { n: number }) => 2 * n }
const options = { name: 'p', tools, logger: silent }

interface Stand {
  readonly pool: TestPool
  readonly clock: VirtualClock
  /** What was told of the workers, in order. */
  readonly told: string[]
}

function stand(): Stand {
  const clock = new VirtualClock()
  const pool = testPool({ ...options, size: 2, clock })
  const told: string[] = []
  for (const event of ['worker.start', 'worker.ready', 'worker.parked', 'worker.unparked'] as const) {
    pool.on(event, ({ worker }: Parameters<PoolEvents[typeof event]>[0]) => told.push(`${worker} ${event.slice(7)}`))
  }
  return { pool, clock, told }
}

test('a worker that lacks a module is parked at its next start, and comes back when it is healed', async () => {
  const { pool, clock, told } = stand()
  await pool.start()
  pool.faults.lackModule('worker-1', 'yaml')
  expect(await pool.call('double', { n: 1 })).toBe(2) // the worker that is there goes on
  pool.faults.crash('worker-1')
  told.length = 0
  await clock.advance(5_000)
  expect(told).toEqual(['worker-1 start', 'worker-1 parked'])
  const [worker, other] = pool.workers
  expect([worker?.state, other?.state, pool.status]).toEqual(['parked', 'ready', 'running'])
  expect(worker?.error).toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining("no module named 'yaml'"),
    details: { kind: 'missing_module', module: 'yaml', modules: ['yaml'] },
  })
  expect(await pool.call('double', { n: 2 })).toBe(4)

  pool.faults.heal('worker-1')
  await clock.advance(0)
  expect(told.slice(2)).toEqual(['worker-1 start', 'worker-1 unparked', 'worker-1 ready'])
  expect(pool.stats).toMatchObject({ ready: 2, starts: 4 })
  await pool.stop()
})

test('a parked pool tries again with one worker, and with the others once that is ready', async () => {
  const { pool, clock, told } = stand()
  for (const id of ['worker-1', 'worker-2']) pool.faults.lackModule(id, 'yaml')
  await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION', details: { module: 'yaml' } })
  await clock.advance(0)
  expect(pool.status).toBe('parked')
  await expect(pool.call('double', { n: 1 })).rejects.toMatchObject({ code: 'PARKED' })

  told.length = 0
  pool.faults.heal('worker-2')
  await clock.advance(0)
  expect(told).toEqual(['worker-1 start', 'worker-1 parked']) // the first lacks its module still
  told.length = 0
  pool.faults.heal()
  await clock.advance(0)
  expect(told.filter((each) => /start|ready/.test(each))).toEqual([
    'worker-1 start',
    'worker-1 ready',
    'worker-2 start',
    'worker-2 ready',
  ])
  expect(await pool.call('double', { n: 1 })).toBe(2)
  await pool.stop()
})

test('a pool that is not healed looks again by itself after 30 s, then ever more rarely', async () => {
  const { pool, clock } = stand()
  for (const id of ['worker-1', 'worker-2']) pool.faults.lackModule(id, 'yaml')
  await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  const before = pool.stats.starts
  const starts: number[] = []
  for (const ms of [29_000, 2_000, 57_000, 4_000]) {
    await clock.advance(ms)
    starts.push(pool.stats.starts - before)
  }
  expect(starts).toEqual([0, 1, 1, 2])
  await pool.stop()
})

test('the actors of a logic are told too', async () => {
  const clock = new VirtualClock()
  const logic = testPoolLogic(options)
  logic.faults.lackModule('worker-1', 'yaml')
  const children = [{ id: 'text', logic, type: 'supervisor', awaitReady: false }] as const
  const app = createSupervisor({ id: 'app', clock, children })
  await app.start()
  await clock.advance(1_000)
  const text = poolOf(app.child('text'))
  await expect(text.call('double', { n: 1 })).rejects.toMatchObject({ code: 'PARKED' })
  logic.faults.heal('worker-1')
  await clock.advance(0)
  expect(await text.call('double', { n: 1 })).toBe(2)
  await app.stop()
  logic.faults.heal() // nothing is left that could be told
})

test('a slot that the pool does not have, and a module without a name, are refused', () => {
  const { pool } = stand()
  const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  expect(() => {
    pool.faults.lackModule('worker-3', 'yaml')
  }).toThrow(refused)
  expect(() => {
    pool.faults.lackModule('worker-1', '')
  }).toThrow(refused)
  expect(() => {
    pool.faults.lackModule('worker-1', 7 as never)
  }).toThrow(refused)
})

const worker = fc.constantFrom('worker-1', 'worker-2')
const step = fc.oneof(
  fc.record({ type: fc.constantFrom('lackModule' as const, 'heal' as const, 'kill' as const), worker }),
  fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 60_000 }) }),
  fc.record({ type: fc.constant('call' as const) }),
)

test('whatever was lacking, killed and healed: once all is healed every worker is ready, and every call is settled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const { pool, clock } = stand()
      await pool.start()
      const calls: Promise<unknown>[] = []
      for (const each of steps) {
        if (each.type === 'advance') await clock.advance(each.ms)
        else if (each.type === 'call') calls.push(pool.call('double', { n: 1 }).catch((error: unknown) => error))
        else if (each.type === 'kill') pool.kill(each.worker)
        else if (each.type === 'heal') pool.faults.heal(each.worker)
        else pool.faults.lackModule(each.worker, 'yaml')
        const parked = pool.workers.filter(({ state }) => state === 'parked')
        expect(parked.map(({ error }) => error?.code)).toEqual(parked.map(() => 'CONFIGURATION'))
      }
      pool.faults.heal()
      await clock.advance(3_600_000)
      expect(pool.stats).toMatchObject({ ready: 2, inFlight: 0, queued: 0 })
      expect(await pool.call('double', { n: 4 })).toBe(8)
      const { accepted, completed, failed } = pool.stats
      expect(completed + failed).toBe(accepted)
      await Promise.all(calls)
      expect(await pool.stop()).toEqual({ processesLeft: 0 })
    }),
    { numRuns: 100 },
  )
})
