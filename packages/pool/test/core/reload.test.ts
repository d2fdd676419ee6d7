import { expect, test } from '@jest/globals'
import { readyIn } from '../../src/core/state.ts'
import { Stand, calls } from './support.ts'

// What a reload does, one rule each. The test plays the supervisor of the workers.

const RELOAD = { type: 'pool.reload' } as const

const answers = (pool: Stand): (string | undefined)[] => pool.of('reloaded').map(({ error }) => error?.code)
const replaced = (pool: Stand): string[] => pool.of('replace').map(({ slot }) => slot.id)
const dismissals = (pool: Stand): number => pool.of('dismissSpare').length

/** A worker ends in order. */
const end = (pool: Stand, worker: string): void => {
  const { incarnation } = pool.slot(worker)
  pool.tell({ type: 'worker.exited', worker, incarnation, reason: { type: 'shutdown' }, unbegun: new Set() })
}

const dismiss = (pool: Stand): void => {
  end(pool, 'spare')
  pool.tell({ type: 'spare.gone', error: undefined })
}

test('the spare is ready before the first worker leaves, and each other one before the next', () => {
  const pool = Stand.started({ size: 2 })
  pool.tell(RELOAD)
  expect([pool.of('startSpare').length, replaced(pool), readyIn(pool.state)]).toEqual([1, [], 2])
  pool.ready('spare')
  expect([replaced(pool), readyIn(pool.state)]).toEqual([['worker-1'], 2])
  end(pool, 'worker-1')
  pool.ready('worker-1')
  expect([replaced(pool), readyIn(pool.state)]).toEqual([['worker-1', 'worker-2'], 2])
  end(pool, 'worker-2')
  expect([dismissals(pool), answers(pool)]).toEqual([0, []])
  pool.ready('worker-2')
  expect([dismissals(pool), readyIn(pool.state), answers(pool)]).toEqual([1, 2, []])
  dismiss(pool)
  expect([answers(pool), pool.state.slots.map(({ id }) => id)]).toEqual([[undefined], ['worker-1', 'worker-2']])
})

test('a worker that leaves finishes its calls, gives back what it has not begun, and gets no other call', async () => {
  const pool = await Stand.reporting({ queueLimit: 100 })
  const [begun, ...ahead] = calls(pool, 3)
  pool.tell(RELOAD)
  pool.ready('spare')
  expect([replaced(pool), pool.recalled]).toEqual([[], ahead])
  for (const call of ahead) pool.giveBack(call)
  pool.call('other')
  expect(pool.sent.slice(3)).toEqual(['short to spare', 'short to spare'])
  pool.answer(begun as never)
  expect(replaced(pool)).toEqual(['worker-1'])
})

test('calls that wait are kept through a reload, and are handed to whatever worker is ready', () => {
  const pool = Stand.started()
  const [first, second, third] = calls(pool, 3, 'a')
  pool.tell(RELOAD)
  pool.ready('spare')
  pool.answer(first as never)
  end(pool, 'worker-1')
  pool.ready('worker-1')
  pool.answer(second as never)
  pool.answer(third as never)
  dismiss(pool)
  expect([...pool.told.values()]).toEqual(['value', 'value', 'value'])
  expect(answers(pool)).toEqual([undefined])
})

test('a spare that is parked fails the reload, and every worker stays as it was', () => {
  const pool = Stand.started({ size: 2 })
  pool.tell(RELOAD)
  pool.tell({ type: 'worker.started', worker: 'spare', incarnation: 1 })
  pool.park('spare')
  expect([answers(pool), dismissals(pool)]).toEqual([['CONFIGURATION'], 1])
  pool.tell({ type: 'spare.gone', error: undefined })
  expect([pool.state.status, readyIn(pool.state), replaced(pool), pool.state.slots.length]).toEqual([
    'running',
    2,
    [],
    2,
  ])
  expect(answers(pool)).toEqual(['CONFIGURATION'])
})

test('a spare that fails at first and then starts is as good as any', () => {
  const pool = Stand.started()
  pool.tell(RELOAD)
  pool.tell({ type: 'worker.started', worker: 'spare', incarnation: 1 })
  pool.crash('spare')
  expect(answers(pool)).toEqual([])
  pool.ready('spare')
  expect(replaced(pool)).toEqual(['worker-1'])
})

test('a worker that is parked instead of replaced fails the reload; the spare stays until it is ready again', () => {
  const pool = Stand.started({ size: 2 })
  pool.tell(RELOAD)
  pool.ready('spare')
  end(pool, 'worker-1')
  pool.tell({ type: 'worker.started', worker: 'worker-1', incarnation: 2 })
  pool.crash('worker-1')
  pool.park('worker-1')
  expect([answers(pool), dismissals(pool), readyIn(pool.state)]).toEqual([['CONFIGURATION'], 0, 2])
  pool.ready('worker-1')
  expect([replaced(pool), dismissals(pool), readyIn(pool.state)]).toEqual([['worker-1'], 1, 2])
  dismiss(pool)
  expect([answers(pool), pool.state.slots.length]).toEqual([['CONFIGURATION'], 2])
})

test('a worker that crashes during a reload is of the new code already, and is not replaced again', () => {
  const pool = Stand.started({ size: 2 })
  pool.tell(RELOAD)
  pool.crash('worker-2')
  pool.ready('spare')
  expect([replaced(pool), readyIn(pool.state)]).toEqual([[], 2])
  pool.ready('worker-2')
  end(pool, 'worker-1')
  pool.ready('worker-1')
  dismiss(pool)
  expect([replaced(pool), answers(pool)]).toEqual([['worker-1'], [undefined]])
})

test('a worker that crashes with a call while it leaves is restarted once, and the reload goes on', () => {
  const pool = Stand.started()
  const call = pool.call('a')
  pool.tell(RELOAD)
  pool.ready('spare')
  pool.crash()
  expect([pool.told.get(call), replaced(pool)]).toEqual(['WORKER_CRASHED', []])
  pool.ready()
  dismiss(pool)
  expect([replaced(pool), answers(pool)]).toEqual([[], [undefined]])
})

test('a reload that is asked for during a reload replaces all once more, and both are answered at the end', () => {
  const pool = Stand.started()
  pool.tell(RELOAD)
  pool.ready('spare')
  end(pool, 'worker-1')
  pool.tell(RELOAD)
  pool.ready('worker-1')
  expect(dismissals(pool)).toBe(1)
  pool.tell(RELOAD)
  dismiss(pool)
  expect([answers(pool), pool.of('startSpare').length]).toEqual([[], 2])
  pool.ready('spare')
  end(pool, 'worker-1')
  pool.ready('worker-1')
  dismiss(pool)
  expect([answers(pool), replaced(pool)]).toEqual([[undefined], ['worker-1', 'worker-1']])
})

test.each([
  ['idle', 'STOPPED', (pool: Stand) => pool],
  [
    'starting',
    'INVALID_ARGUMENT',
    (pool: Stand) => {
      pool.tell({ type: 'pool.start' })
    },
  ],
])('a pool that is %s is not reloaded: %s', (_, code, prepare) => {
  const pool = new Stand()
  prepare(pool)
  pool.tell(RELOAD)
  expect([answers(pool), pool.of('startSpare')]).toEqual([[code], []])
})

test('a stop ends the reload with STOPPED, and so it is for a pool that is stopped', () => {
  const pool = Stand.started()
  pool.tell(RELOAD)
  pool.tell({ type: 'pool.stop' })
  expect(answers(pool)).toEqual(['STOPPED'])
  pool.tell({ type: 'pool.closed', left: [] })
  pool.tell(RELOAD)
  expect(answers(pool)).toEqual(['STOPPED', 'STOPPED'])
})
