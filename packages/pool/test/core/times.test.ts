// The times of calls: which bucket, and how many tools.
import { expect, test } from '@jest/globals'
import { BUCKETS, Times } from '../../src/core/times.ts'

test.each([
  [0, 0],
  [0.06, 0],
  [0.0625, 1],
  [1, 5],
  [3, 6],
  [1_000, 14],
  [1e9, BUCKETS - 1],
])('%d ms is in bucket %d, whose bound it is below', (ms, bucket) => {
  const times = new Times()
  times.add('a', ms)
  expect([...(times.counts.get('a') ?? [])].indexOf(1)).toBe(bucket)
  if (bucket < BUCKETS - 1) expect(ms).toBeLessThan(2 ** bucket / 16)
})

test('of too many tools the later ones are not kept', () => {
  const times = new Times()
  for (let n = 0; n < 300; n += 1) times.add(`tool-${n}`, 1)
  expect(times.counts.size).toBe(256)
})
