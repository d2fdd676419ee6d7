// park() and unpark() of a pool: a worker that is parked by hand takes no calls until it is unparked by hand.
import { expect, test } from '@jest/globals'
import { administrate } from '@terrarium/supervisor'
import { testPool, type TestPool } from '@terrarium/pool/testing'

const open: (() => void)[] = []
const tools = {
  double: ({ n }: { n: number }): number => 2 * n,
  hold: (): Promise<string> =>
    new Promise((resolve) =>
      open.push(() => {
        resolve('held')
      }),
    ),
}

async function running(size = 2): Promise<TestPool> {
  const pool = testPool({ name: 'text', tools, size })
  await pool.start()
  return pool
}

const states = (pool: TestPool): string => pool.workers.map(({ id, state }) => `${id} ${state}`).join(', ')

async function ready(pool: TestPool): Promise<void> {
  await new Promise<void>((resolve) => {
    pool.on('worker.ready', () => {
      resolve()
    })
  })
}

test('a worker that is parked by hand ends in order, says why, and the others take the calls', async () => {
  const pool = await running()
  const told: unknown[] = []
  pool.on('worker.exit', ({ worker, reason }) => told.push(['exit', worker, reason.type]))
  pool.on('worker.parked', ({ worker, error }) => told.push(['parked', worker, error.code, error.message, error.hint]))
  await pool.park('worker-1', 'its disk is replaced')
  await new Promise(setImmediate)
  expect(told).toEqual([
    ['exit', 'worker-1', 'shutdown'],
    [
      'parked',
      'worker-1',
      'PARKED',
      'worker-1 is parked by hand: its disk is replaced',
      'Call unpark() when worker-1 is to run again.',
    ],
  ])
  expect([pool.status, states(pool), pool.stats.crashes]).toEqual(['running', 'worker-1 parked, worker-2 ready', 0])
  expect(await pool.call('double', { n: 2 })).toBe(4)
  const { workers } = pool.actor.getSnapshot() as { workers: unknown } & { children: Record<string, never> }
  expect(workers).toMatchObject([{ id: 'worker-1', state: 'parked' }, { state: 'ready' }])
  const tree = administrate((pool.actor.getSnapshot() as { children: Record<string, never> }).children.workers as never)
  expect(tree.explain('worker-1').sentence).toMatch(
    'worker-1 is parked by hand: its disk is replaced; only an operation',
  )
  const again = ready(pool)
  pool.unpark('worker-1')
  await again
  expect(states(pool)).toBe('worker-1 ready, worker-2 ready')
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})

test('calls that its worker has begun are finished first, and it gets no other', async () => {
  const pool = await running(1)
  const held = pool.call('hold')
  await new Promise(setImmediate)
  let isParked = false
  const parked = pool.park('worker-1').then(() => (isParked = true))
  const waiting = pool.call('double', { n: 2 })
  await new Promise(setImmediate)
  expect(isParked).toBe(false)
  open.shift()?.()
  expect(await held).toBe('held')
  await expect(waiting).rejects.toMatchObject({ code: 'PARKED' })
  await parked
  await pool.stop()
})

test('a pool whose workers are all parked by hand rejects calls with the reason, and no repair starts them', async () => {
  const pool = await running(1)
  await pool.park('worker-1', 'maintenance')
  expect(pool.status).toBe('parked')
  await expect(pool.call('double', { n: 2 })).rejects.toMatchObject({
    code: 'PARKED',
    message: 'pool text is parked: worker-1 is parked by hand: maintenance',
    hint: 'Call unpark() when worker-1 is to run again.',
  })
  pool.faults.heal()
  await new Promise(setImmediate)
  expect([pool.status, states(pool)]).toEqual(['parked', 'worker-1 parked'])
  const again = ready(pool)
  pool.unpark('worker-1')
  await again
  expect([pool.status, await pool.call('double', { n: 2 })]).toEqual(['running', 4])
  await pool.stop()
})

test('a reload leaves it parked, and during a reload no worker is parked', async () => {
  const pool = await running(2)
  await pool.park('worker-1')
  const reloaded = pool.reload()
  await expect(pool.park('worker-2')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'no worker of pool text can be parked: it is being reloaded',
  })
  await reloaded
  expect(states(pool)).toMatch(/^worker-1 parked, worker-2 ready/)
  await pool.stop()
})

test('what cannot be parked or unparked is refused', async () => {
  const pool = testPool({ name: 'text', tools, size: 1 })
  await expect(pool.park('worker-1')).rejects.toMatchObject({ code: 'STOPPED' })
  const starting = pool.start()
  await expect(pool.park('worker-1')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await starting
  await expect(pool.park('worker-9')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', hint: 'Name one of worker-1.' })
  await expect(pool.park('worker-1', 7 as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(() => {
    pool.unpark('worker-1')
  }).toThrow('worker text/worker-1 is not parked')
  expect(states(pool)).toBe('worker-1 ready')
  await pool.stop()
  await expect(pool.park('worker-1')).rejects.toMatchObject({ code: 'STOPPED' })
})

test('a pool that is stopped while a worker is being parked refuses that, and loses no call', async () => {
  const pool = await running(1)
  const held = pool.call('hold')
  await new Promise(setImmediate)
  const refused = expect(pool.park('worker-1')).rejects.toMatchObject({ code: 'STOPPED' })
  const stopped = pool.stop()
  await refused
  open.shift()?.()
  expect(await held).toBe('held')
  expect(await stopped).toEqual({ processesLeft: 0 })
})

test('a worker that crashes before it is parked is parked all the same', async () => {
  const pool = await running(1)
  const held = pool.call('hold')
  await new Promise(setImmediate)
  const parked = pool.park('worker-1')
  pool.faults.crash('worker-1')
  open.shift()
  await expect(held).rejects.toMatchObject({ code: 'WORKER_CRASHED' })
  await parked
  expect(states(pool)).toBe('worker-1 parked')
  await pool.stop()
})
