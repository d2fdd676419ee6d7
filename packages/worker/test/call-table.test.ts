import { expect, test } from '@jest/globals'
import { CallTable } from '../src/call-table.ts'

test('what was added is taken once, by its id', () => {
  const table = new CallTable<string>()
  const [a, b] = [table.add('a'), table.add('b')]
  expect(table.size).toBe(2)
  expect(table.has(a)).toBe(true)
  expect([table.take(a), table.take(a), table.take(b), table.take(99)]).toEqual(['a', undefined, 'b', undefined])
  expect(table.size).toBe(0)
})

test('it grows, and answers all that is left, oldest first', () => {
  const table = new CallTable<number>()
  const ids = Array.from({ length: 1_000 }, (_, n) => table.add(n))
  for (const id of ids.slice(0, 990)) table.take(id)
  expect(table.takeAll().map(({ value }) => value)).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999])
  expect(table.size).toBe(0)
})

test('an id in use is left out, however many come and go beside it', () => {
  const table = new CallTable<string>()
  const kept = table.add('kept')
  for (let n = 0; n < 10_000; n++) {
    const id = table.add('short')
    expect(id).not.toBe(kept)
    table.take(id)
  }
  expect(table.take(kept)).toBe('kept')
})

test('ids begin again at 1 after the largest id that fits the wire', () => {
  const table = new CallTable<string>(2 ** 32 - 3)
  const ids = ['a', 'b', 'c', 'd'].map((value) => table.add(value))
  expect(ids).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 1, 2])
  expect(ids.map((id) => table.take(id))).toEqual(['a', 'b', 'c', 'd'])
})
