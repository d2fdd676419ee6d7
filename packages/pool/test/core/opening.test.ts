// A pool before it runs and after it has ended: the answer of a start, and the error of a refused call.
import { expect, test } from '@jest/globals'
import { missingModule, Stand } from './support.ts'

test('a start that is stopped while the pool is opened is answered when that is over, with the reason if it failed', () => {
  const stopped = (): Stand => {
    const pool = new Stand()
    pool.tell({ type: 'pool.start' })
    pool.tell({ type: 'pool.stop' })
    expect(pool.of('started')).toEqual([])
    return pool
  }
  const failed = stopped()
  failed.tell({ type: 'pool.failed', error: missingModule() })
  expect(failed.of('started')).toMatchObject([{ error: { code: 'CONFIGURATION' } }])
  const opened = stopped()
  opened.tell({ type: 'pool.opened' })
  expect(opened.of('started')).toMatchObject([
    { error: { message: 'pool p is not running: it is stopping', hint: 'Make a new pool with createPool().' } },
  ])
  for (const pool of [failed, opened]) {
    pool.tell({ type: 'pool.closed', left: [] })
    expect([pool.state.status, pool.of('started').length, pool.of('startWorkers')]).toEqual(['stopped', 1, []])
  }
})

test('a hint names start() and createPool() only for a pool that has a handle', () => {
  const hintsOf = (hasHandle: boolean): unknown[] => {
    const pool = new Stand({ hasHandle })
    pool.call('idle')
    pool.tell({ type: 'pool.start' })
    pool.tell({ type: 'pool.stop' })
    pool.call('stopping')
    const over = Stand.started({ hasHandle })
    over.tell({ type: 'pool.over', reason: { type: 'normal' } })
    over.call('over')
    return [pool, over].flatMap((each) => each.of('refuse').map(({ error }) => error.hint))
  }
  expect(hintsOf(true)).toEqual([
    'Call start() first.',
    'Make a new pool with createPool().',
    'Remove the cause, then make a new pool with createPool().',
  ])
  expect(hintsOf(false)).toEqual([
    'Start the actor of the pool, and wait until it runs.',
    'Ask for the actor of the pool anew: a pool that is started again is another actor.',
    'Remove the cause, then start a new actor of the pool.',
  ])
})

test('a pool that cannot start its workers says why, although their supervisor ends while it is closed', () => {
  const pool = new Stand()
  pool.tell({ type: 'pool.start' })
  pool.tell({ type: 'pool.opened' })
  pool.tell({ type: 'pool.failed', error: missingModule() })
  pool.tell({ type: 'pool.over', reason: { type: 'shutdown' } })
  pool.tell({ type: 'pool.closed', left: [] })
  expect(pool.of('started')).toMatchObject([{ error: { code: 'CONFIGURATION' } }])
  expect([pool.of('log'), pool.state.status]).toEqual([[], 'idle'])
})
