// How the pace of a tool rises and falls, and when calls of it may be ahead of a worker.
import { expect, test } from '@jest/globals'
import { Pace, Paces } from '../../src/core/pace.ts'

const answers = (pace: Pace, count: number, ms: number): Pace => {
  for (let left = count; left > 0; left -= 1) pace.answered(ms)
  return pace
}

test('one call says whether a tool is short', () => {
  expect([1.9, 2, 50].map((ms) => new Pace(ms).isShort)).toEqual([true, false, false])
})

test('a short tool that becomes long is long after a few calls, or after one call that is very long', () => {
  const calls = (ms: number): number => {
    const pace = new Pace(0.05)
    let count = 0
    for (; pace.isShort; count += 1) pace.answered(ms)
    return count
  }
  expect([3, 5, 20, 1_000].map(calls)).toEqual([9, 4, 1, 1])
})

test('a long tool that becomes short is short after some calls', () => {
  const pace = new Pace(10)
  expect([answers(pace, 12, 0.05).isShort, answers(pace, 1, 0.05).isShort]).toEqual([false, true])
})

test('a batch of answers, of which the first brings the time of all, changes nothing', () => {
  const pace = new Pace(0.1)
  for (let batch = 0; batch < 100; batch += 1) {
    answers(pace, 1, 4)
    expect(pace.isShort).toBe(true)
    answers(pace, 31, 0)
  }
})

test('no more than 2 ms of work may be ahead, and no more than 32 calls', () => {
  expect([0, 0.01, 0.1, 0.7, 1.9].map((ms) => new Pace(ms).depth)).toEqual([32, 32, 20, 2, 1])
})

test('a tool that kept calls waiting is on probation for 16 short calls, doubled each further time', () => {
  const pace = new Pace(0)
  const probation = (): number => {
    pace.keptWaiting(10)
    let count = 0
    for (; !pace.isShort; count += 1) pace.answered(0)
    return count
  }
  expect([1, 2, 3, 4].map(probation)).toEqual([16, 32, 64, 128])
  expect([5, 6, 7, 8, 9, 10].map(probation)).toEqual([256, 512, 1_024, 2_048, 4_096, 4_096])
})

test('a long call does not count for a probation', () => {
  const pace = new Pace(0)
  pace.keptWaiting(10)
  answers(answers(answers(pace, 15, 0), 20, 2), 1, 0)
  expect(answers(pace, 20, 0).isShort).toBe(true)
  const other = new Pace(0)
  other.keptWaiting(10)
  answers(answers(other, 15, 0), 20, 2)
  other.time = 0
  expect([other.isShort, answers(other, 1, 0).isShort]).toEqual([false, true])
})

test('a probation is forgotten after eight times its calls', () => {
  const again = (calls: number): number => {
    const pace = new Pace(0)
    pace.keptWaiting(10)
    answers(pace, 16 + calls, 0).keptWaiting(10)
    let count = 0
    for (; !pace.isShort; count += 1) pace.answered(0)
    return count
  }
  expect([again(127), again(128)]).toEqual([32, 16])
})

test('the paces of 1,024 tools are kept, and no more', () => {
  const paces = new Paces()
  for (let n = 0; n < 2_000; n += 1) paces.add(`tool${n}`, n)
  expect([paces.size, paces.of('tool975'), paces.of('tool976')?.time]).toEqual([1_024, undefined, 976])
})
