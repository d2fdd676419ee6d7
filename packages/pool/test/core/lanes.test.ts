import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Call } from '../../src/core/call.ts'
import { Lanes, MOST_BEFORE, PRIORITIES, type Priority } from '../../src/core/lanes.ts'
import { Stand } from './support.ts'

// The order in which calls of three priorities go.

const callOf = (priority: Priority, order: number): Call => {
  const call = new Call(priority, { priority })
  call.order = order
  return call
}

/** In which order a worker gets the calls. */
function orderOf(pool: Stand): string[] {
  const order: string[] = []
  for (let sent = 0; sent < pool.of('send').length; sent += 1) {
    const call = pool.of('send')[sent]?.call
    if (call === undefined) break
    order.push(call.tool)
    pool.answer(call)
  }
  return order
}

test('the highest lane goes first, and within a lane the order of arrival', () => {
  const pool = Stand.started()
  pool.call('running')
  for (const [tool, priority] of [
    ['low 1', 'low'],
    ['a', 'normal'],
    ['high 1', 'high'],
    ['b', undefined],
    ['high 2', 'high'],
    ['low 2', 'low'],
  ] as const)
    pool.call(tool, priority === undefined ? {} : { priority })
  expect(orderOf(pool)).toEqual(['running', 'high 1', 'high 2', 'a', 'b', 'low 1', 'low 2'])
})

test('a call of the lowest lane runs after at most 16 calls of higher lanes, and so does the next one', () => {
  const pool = Stand.started({ queueLimit: 100 })
  pool.call('running')
  pool.call('low', { priority: 'low' })
  pool.call('low', { priority: 'low' })
  for (let each = 0; each < 40; each += 1) pool.call('high', { priority: 'high' })
  const order = orderOf(pool).slice(1)
  expect([order.indexOf('low'), order.lastIndexOf('low')]).toEqual([16, 33])
})

test('a call of the middle lane runs after at most 16 calls of the highest, although the lowest is due before it', () => {
  const pool = Stand.started({ queueLimit: 100 })
  pool.call('running')
  pool.call('low', { priority: 'low' })
  pool.call('normal')
  for (let each = 0; each < 40; each += 1) pool.call('high', { priority: 'high' })
  const order = orderOf(pool).slice(1)
  expect(order.slice(16, 18)).toEqual(['low', 'normal'])
})

test('calls that are to be run again go before every lane', () => {
  const pool = Stand.started()
  pool.call('again', { idempotent: true, priority: 'low' })
  pool.call('high', { priority: 'high' })
  pool.crash()
  pool.ready()
  expect(pool.sent.slice(1)).toEqual(['again to worker-1'])
})

test('a call that was sent ahead and comes back is the next of its lane, and does not wait for the bound again', async () => {
  const pool = await Stand.reporting({ queueLimit: 100 })
  const [begun, ahead] = [pool.call('short'), pool.call('short', { priority: 'low' })]
  for (let each = 0; each < 20; each += 1) pool.call('high', { priority: 'high' })
  await pool.clock.advance(20) // the worker is silent: the call is asked back
  pool.giveBack(ahead)
  pool.answer(begun)
  expect(pool.of('send').at(-1)?.call).toBe(ahead)
})

test('the queue limit counts all lanes', () => {
  const pool = Stand.started({ queueLimit: 2 })
  pool.call('running')
  pool.call('low', { priority: 'low' })
  pool.call('high', { priority: 'high' })
  const refused = pool.call('more', { priority: 'high' })
  expect(pool.told.get(refused)).toBe('refused: POOL_SATURATED')
})

test('whatever comes, goes and comes back: order within a lane, and at most 16 calls of higher lanes before a call', () => {
  const aStep = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Priority | 'take' | 'back' | 'cancel'>('high', 'high', 'take', 'take') },
    { weight: 1, arbitrary: fc.constantFrom<Priority | 'take' | 'back' | 'cancel'>('normal', 'low', 'back', 'cancel') },
  )
  const longest = { wait: 0, events: 0 }
  fc.assert(
    fc.property(fc.array(aStep, { minLength: 100, maxLength: 400, size: 'max' }), (steps) => {
      const lanes = new Lanes()
      const before = new Map<Call, number>()
      const gone: Call[] = []
      let order = 0
      for (const step of steps) {
        longest.events += 1
        if (step === 'take') {
          const firsts = PRIORITIES.map((lane) => lanes[lane].first)
          const expected = lanes.first
          const call = lanes.take()
          if (call !== expected || (call !== undefined && !firsts.includes(call))) throw new Error('out of order')
          if (call === undefined) continue
          gone.push(call)
          before.delete(call)
          for (const each of firsts) {
            if (each === undefined || PRIORITIES.indexOf(each.priority) <= PRIORITIES.indexOf(call.priority)) continue
            const passed = (before.get(each) ?? 0) + 1
            before.set(each, passed)
            longest.wait = Math.max(longest.wait, passed)
          }
        } else if (step === 'back') {
          const call = gone.pop()
          if (call !== undefined) lanes.putBack(call)
        } else if (step === 'cancel') {
          const { last } = lanes.low
          if (last !== undefined) lanes.low.delete(last)
        } else {
          order += 1
          lanes.add(callOf(step, order))
        }
        for (const lane of PRIORITIES) {
          let last = 0
          let isOrdered = true
          for (let call = lanes[lane].first; call !== undefined; last = call.order, call = call.next)
            isOrdered &&= call.order > last
          if (!isOrdered) throw new Error('calls wait out of order')
        }
      }
    }),
    { numRuns: 400 },
  )
  expect(longest.events).toBeGreaterThan(50_000)
  expect(longest.wait).toBe(MOST_BEFORE)
})
