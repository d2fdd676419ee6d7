import { expect, test } from '@jest/globals'
import { figuresOf, percentile } from '../src/figures.ts'

test('a percentile is the smallest value that so many per cent do not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(percentile(hundred, 50)).toBe(50)
  expect(percentile(hundred, 99)).toBe(99)
  expect(percentile(hundred, 100)).toBe(100)
  expect(percentile([10, 9, 100], 50)).toBe(10)
  expect(percentile([7], 1)).toBe(7)
  expect(percentile([], 50)).toBe(0)
})

test('calls are counted, and rounded to hundredths', () => {
  expect(figuresOf([1.234, 2], 3, 1)).toEqual({ calls: 2, callsPerSecond: 0.67, p50Ms: 1.23, p99Ms: 2, restarts: 1 })
})
