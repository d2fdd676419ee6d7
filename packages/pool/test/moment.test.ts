import { expect, test } from '@jest/globals'
import { Moment } from '../src/moment.ts'

// How a pool reads its clock: once for what happens at once, and never an older time after a newer one.

function open() {
  const clock = { time: 0, readings: 0 }
  const now = (): number => {
    clock.readings += 1
    return clock.time
  }
  return { clock, moment: new Moment({ now }) }
}

test('what happens at once shares one reading, also the microtasks that wait by then', async () => {
  const { clock, moment } = open()
  const times: number[] = []
  times.push(moment.now)
  clock.time = 5
  times.push(moment.now)
  const callers = Array.from({ length: 3 }, () => Promise.resolve())
  await Promise.all(callers.map((answered) => answered.then(() => times.push(moment.now))))
  expect([times, clock.readings]).toEqual([[0, 0, 5, 5, 5], 2])
})

test('the next reading is a new one: no time is kept for what happens later', async () => {
  const { clock, moment } = open()
  expect(moment.now).toBe(0)
  await Promise.resolve()
  clock.time = 7
  expect(moment.now).toBe(7)
})

test('a reading on purpose is always new, and what happens with it has its time: time never goes back', () => {
  const { clock, moment } = open()
  expect(moment.now).toBe(0)
  clock.time = 3
  expect(moment.read()).toBe(3)
  expect(moment.now).toBe(3)
})
