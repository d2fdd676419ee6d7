import { expect, test } from '@jest/globals'
import type { SupervisorClock } from '@terrarium/supervisor'
import { GuardedClock } from '@terrarium/supervisor/base'
import { VirtualClock } from '@terrarium/supervisor/testing'

const boom = new Error('boom')
const explode = (): never => {
  throw boom
}
const rejecting = (): never => Promise.reject(boom) as never

/** A guarded clock, and the names of the functions that failed. */
function guard(clock: Partial<SupervisorClock>) {
  const time = new VirtualClock(1_000)
  const failed: string[] = []
  const { now, setTimeout, clearTimeout } = time
  const guarded = new GuardedClock({ now, setTimeout, clearTimeout, ...clock }, (name) => failed.push(name))
  return { guarded, failed, time }
}

test('a clock that works is used as it is', async () => {
  const { guarded, failed, time } = guard({})
  let fired = 0
  guarded.setTimeout(() => (fired += 1), 10)
  const cleared = guarded.setTimeout(() => (fired += 100), 10)
  guarded.clearTimeout(cleared)
  guarded.clearTimeout(undefined)
  expect(guarded.now()).toBe(1_000)
  await time.advance(10)
  expect([guarded.now(), fired, failed]).toEqual([1_010, 1, []])
})

test.each<[string, () => never]>([
  ['throws', explode],
  ['answers with a promise that rejects', rejecting],
  ['answers with no number', () => 'noon' as never],
  ['answers with NaN', () => NaN as never],
])('a clock whose now() %s stands still', (_, now) => {
  let isFaulty = false
  const { guarded, failed } = guard({ now: () => (isFaulty ? now() : 7) })
  expect(guarded.now()).toBe(7)
  isFaulty = true
  expect(guarded.now()).toBe(7)
  expect(failed).toEqual(['now'])
  const never = guard({ now })
  expect(never.guarded.now()).toBeGreaterThan(0)
})

test.each([
  ['throws', explode],
  ['answers with a promise that rejects', rejecting],
])('a timer is one of the system if the clock %s', async (_, setTimeout) => {
  const { guarded, failed } = guard({ setTimeout })
  await new Promise<void>((resolve) => guarded.setTimeout(resolve, 1))
  expect(failed).toEqual(['setTimeout'])
})

test.each([
  ['throws', explode],
  ['rejects', rejecting],
  ['does nothing', () => undefined],
])('a timer that was cleared never calls back, even if clearTimeout() %s', async (_, clearTimeout) => {
  const { guarded, failed, time } = guard({ clearTimeout })
  let fired = 0
  guarded.clearTimeout(guarded.setTimeout(() => (fired += 1), 10))
  await time.advance(10)
  expect(fired).toBe(0)
  expect(failed).toEqual(clearTimeout === explode || clearTimeout === rejecting ? ['clearTimeout'] : [])
})

test('a clock that calls back twice and at once leads to one later callback', async () => {
  const { guarded } = guard({
    setTimeout: (callback) => {
      callback()
      callback()
      return 1
    },
  })
  let fired = 0
  await new Promise<void>((resolve) => {
    guarded.setTimeout(() => {
      fired += 1
      resolve()
    }, 10)
    expect(fired).toBe(0)
  })
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(fired).toBe(1)
})
