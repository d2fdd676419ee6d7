import { expect, test } from '@jest/globals'
import { forEachInFlight } from '../src/in-flight.ts'

test('every item is worked on once, in order, with no more at a time than allowed', async () => {
  const begun: number[] = []
  let inFlight = 0
  let most = 0
  await forEachInFlight([...Array(100).keys()], 7, async (item) => {
    begun.push(item)
    most = Math.max(most, (inFlight += 1))
    await Promise.resolve()
    inFlight -= 1
  })
  expect(begun).toEqual([...Array(100).keys()])
  expect(most).toBe(7)
})

test('after the first failure no item is begun, and later failures are not unhandled', async () => {
  const begun: number[] = []
  const running = forEachInFlight([...Array(100).keys()], 3, async (item) => {
    begun.push(item)
    await Promise.resolve()
    throw new Error(`item ${item}`)
  })
  await expect(running).rejects.toThrow('item 0')
  expect(begun).toEqual([0, 1, 2])
})
