import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { BEGUN_WORDS } from '../src/begun-page.ts'
import { CallTable } from '../src/call-table.ts'

test('what was added is taken once, by its id', () => {
  const table = new CallTable<string>()
  const [a, b] = [table.add('a'), table.add('b')]
  expect(table.size).toBe(2)
  expect(table.has(a)).toBe(true)
  expect([table.take(a), table.take(a), table.take(b), table.take(99)]).toEqual(['a', undefined, 'b', undefined])
  expect(table.size).toBe(0)
})

test('the table grows, and names all that is left, oldest first', () => {
  const table = new CallTable<number>()
  const ids = Array.from({ length: 1_000 }, (_, n) => table.add(n))
  for (const id of ids.slice(0, 990)) table.take(id)
  expect(table.ids().map((id) => table.take(id))).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999])
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

test('with more calls than words, the ids of all calls come oldest first, also behind the largest id', () => {
  const table = new CallTable<number>(2 ** 32 - 10)
  const ids = Array.from({ length: BEGUN_WORDS + 50 }, (_, n) => table.add(n))
  for (const id of ids.splice(20, 1_000)) table.take(id)
  ids.push(...Array.from({ length: 30 }, (_, n) => table.add(n)))
  expect(table.ids()).toEqual(ids)
  expect(table.size).toBe(ids.length)
  expect(table.has(0)).toBe(false)
  expect(table.take(0)).toBe(undefined)
  for (const id of ids) expect(table.take(id)).toEqual(expect.any(Number))
  expect([table.size, table.ids()]).toEqual([0, []])
})

test('ids begin again at 1 after the largest id that fits the wire', () => {
  const table = new CallTable<string>(2 ** 32 - 3)
  const ids = ['a', 'b', 'c', 'd'].map((value) => table.add(value))
  expect(ids).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 1, 2])
  expect(ids.map((id) => table.take(id))).toEqual(['a', 'b', 'c', 'd'])
})

test('a call that stays open keeps its word of the page: the ids that have it too are left out', () => {
  const table = new CallTable<string>()
  const kept = table.add('kept')
  const word = kept % BEGUN_WORDS
  for (let n = 0; n < 3 * BEGUN_WORDS; n++) {
    const id = table.add('short')
    expect(id % BEGUN_WORDS).not.toBe(word)
    table.take(id)
  }
  table.take(kept)
  const words = new Set(Array.from({ length: BEGUN_WORDS }, () => table.add('all') % BEGUN_WORDS))
  expect(words.size).toBe(BEGUN_WORDS)
})

test('without a free word calls share one, and are ambiguous until they are taken', () => {
  const table = new CallTable<number>()
  const ids = Array.from({ length: BEGUN_WORDS }, (_, n) => table.add(n))
  const [first = 0, second = 0] = ids
  const shared = table.add(-1)
  expect(shared % BEGUN_WORDS).toBe(first % BEGUN_WORDS)
  expect([first, shared, second].map((id) => table.isAmbiguous(id))).toEqual([true, true, false])
  table.take(first)
  // `shared` still has the word of `first`.
  table.take(second)
  const next = table.add(-2)
  expect([next % BEGUN_WORDS, table.isAmbiguous(next)]).toEqual([second % BEGUN_WORDS, false])
  table.take(shared)
  expect(table.isAmbiguous(shared)).toBe(false)
})

test('whatever comes and goes, a worker that notes the ids in order tells begun calls from others', () => {
  const steps = fc.array(fc.record({ kind: fc.constantFrom('add', 'begin', 'take'), which: fc.nat() }), {
    maxLength: 400,
  })
  // Ids that are near the end of the page, so that words are met again early.
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 0, max: 5_000 }),
      fc.integer({ min: 0, max: BEGUN_WORDS }),
      (all, from, busy) => {
        const table = new CallTable<string>(from)
        const page = new Uint32Array(BEGUN_WORDS)
        const begun = new Set<number>()
        for (let n = 0; n < busy; n++) table.add('waits')
        for (const { kind, which } of all) {
          const ids = table.ids()
          const id = ids[which % ids.length] ?? 0
          if (kind === 'add') expect(ids).not.toContain(table.add('new'))
          else if (kind === 'begin' && id !== 0) {
            page[id % BEGUN_WORDS] = id
            begun.add(id)
          } else table.take(id)
        }
        const wrong = table
          .ids()
          .filter((id) => !table.isAmbiguous(id) && (page[id % BEGUN_WORDS] === id) !== begun.has(id))
        expect(wrong).toEqual([])
      },
    ),
    { numRuns: 60 },
  )
})
