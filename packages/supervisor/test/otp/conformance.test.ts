import { expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NOT_APPLICABLE } from './not-applicable.ts'

/** How many cases each group of the list has: A01 to A18, and so on. */
const CASES = {
  A: 18,
  B: 15,
  C: 13,
  D: 15,
  E: 14,
  F: 7,
  G: 17,
  H: 12,
  I: 10,
  J: 15,
  K: 14,
  L: 15,
  M: 19,
  N: 11,
}

const here = import.meta.dirname
const idOf = (group: string, number: number): string => `${group}${String(number).padStart(2, '0')}`
const idsOf = (group: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => idOf(group, index + 1))

/** `test('title`, and `test.each(table)('title` with its table. */
const TEST = /\btest(?:\.each(?:<.*?>)?\((?<table>.*?)\))?\(\s*(?<quote>['"`])(?<title>.*?)\k<quote>/gs
const TITLE = /^[A-Z]\d\d\b/
const ROW = /\[\s*['"`]([A-Z]\d\d)\b/g

/** The cases that the tests of a source are named after, each as often as there are such tests. */
function casesIn(source: string): string[] {
  return [...source.matchAll(TEST)].flatMap(({ groups: { table = '', title = '' } = {} }) => {
    if (title.startsWith('%s')) return [...new Set(Array.from(table.matchAll(ROW), ([, id = '']) => id))]
    return TITLE.exec(title) ?? []
  })
}

function testedCases(): string[] {
  const folder = join(here, '..')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'))
  return files.flatMap((file) => casesIn(readFileSync(join(folder, file), 'utf8')))
}

/** The cases that a text names, be it by their range: `O01–O05`. */
function casesNamedIn(text: string): Set<string> {
  const ranges = text.matchAll(/\b([A-Z])(\d\d)\b(?:–\1(\d\d)\b)?/g)
  return new Set(
    Array.from(ranges, ([, group = '', first, last = first]) =>
      idsOf(group, Number(last)).slice(Number(first) - 1),
    ).flat(),
  )
}

test('the names of tests are found', () => {
  const q = "'" // or this source would be found to have these tests itself
  const source = [
    `test(${q}A01 one${q}, () => {})`,
    `test.each([1, f(2)])(\n  ${q}A02 two %d${q}, () => {})`,
    `test.each<[string, () => void]>([[${q}A03 three${q}, 1], [${q}A04${q}, 2], [${q}A04${q}, 3]])(${q}%s %d${q}, () => {})`,
    `test(${q}that A05 is only mentioned${q}, () => {})`,
    `test.skip(${q}A06 six${q}, () => {})`,
  ].join('\n')
  expect(casesIn(source)).toEqual(['A01', 'A02', 'A03', 'A04'])
  expect([...casesNamedIn('| A01 | B09–B11, C02')]).toEqual(['A01', 'B09', 'B10', 'B11', 'C02'])
})

test.each(Object.entries(CASES))(
  'group %s: each of its %d cases is one test, or has a reason not to be',
  (group, count) => {
    const tested = testedCases().filter((id) => id.startsWith(group))
    const ids = idsOf(group, count)
    const times = (id: string): number => tested.filter((each) => each === id).length
    expect({
      missing: ids.filter((id) => times(id) === 0 && !(id in NOT_APPLICABLE)),
      doubled: ids.filter((id) => times(id) > 1),
      testedYetNotApplicable: ids.filter((id) => times(id) > 0 && id in NOT_APPLICABLE),
      unknown: tested.filter((id) => !ids.includes(id)),
    }).toEqual({ missing: [], doubled: [], testedYetNotApplicable: [], unknown: [] })
  },
)

test('few cases are not applicable, and docs/supervisor/otp.md names them', () => {
  const all = Object.entries(CASES).flatMap(([group, count]) => idsOf(group, count))
  expect(all.filter((id) => id in NOT_APPLICABLE).length).toBeLessThan(15)
  const named = casesNamedIn(readFileSync(join(here, '../../../../docs/supervisor/otp.md'), 'utf8'))
  expect(Object.keys(NOT_APPLICABLE).filter((id) => !named.has(id))).toEqual([])
})
