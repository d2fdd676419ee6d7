// docs/scenarios.md lists the scenarios of a pool. Each has tests with its number in their names, or a reason not to.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT } from '../support/command.ts'
import { tableRows } from '../support/markdown.ts'

const ID = String.raw`I?\d{1,2}`
/** A string that begins with the numbers of scenarios, as the first argument of a call with a function behind it. */
const TITLE = new RegExp(
  String.raw`\(\s*(?<quote>['"\`])(?<ids>${ID}(?:, ${ID})*)(?:, [^:]{1,16})?: .*?\k<quote>,\s*(?:async )?\(`,
  'gs',
)

/** The scenarios that the tests of a source are named after. */
const scenariosIn = (source: string): string[] =>
  Array.from(source.matchAll(TITLE), ({ groups }) => groups?.['ids']?.split(', ') ?? []).flat()

interface Row {
  readonly ids: readonly string[]
  readonly tests: readonly string[]
  readonly reason: string
}

const rows: readonly Row[] = [
  ...tableRows('docs/scenarios.md', 'Scenarios with numbers'),
  ...tableRows('docs/scenarios.md', 'Promises beyond them'),
].map((row) => {
  const cell = row['tests, or why there is none'] ?? ''
  const tests = Array.from(cell.matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\)/g), ([, path = '']) => path)
  return { ids: [row['number'] ?? ''], tests, reason: tests.length > 0 ? '' : cell }
})

/** For each scenario the files of its tests. */
const tested = new Map<string, Set<string>>()
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.test.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
for (const path of files.trim().split('\n')) {
  if (path === 'test/docs/scenarios.test.ts') continue
  for (const id of scenariosIn(readFileSync(join(ROOT, path), 'utf8'))) {
    tested.set(id, (tested.get(id) ?? new Set()).add(path))
  }
}

test('the numbers in the names of tests are found', () => {
  const q = "'" // or this source would be found to have these tests itself
  const source = [
    `test(${q}1: one${q}, async () => {})`,
    `test.each([1])(\n  ${q}2, I3, F8: two${q},\n  async (each) => {})`,
    `])(${q}4, %s: three${q}, (_, each) => {})`,
    `test(${q}that 5: is only mentioned${q}, () => {})`,
    `expect(${q}6: six${q}).toBe(1)`,
  ].join('\n')
  expect(scenariosIn(source)).toEqual(['1', '2', 'I3', '4'])
})

test('docs/scenarios.md has each scenario once, and says of each which tests are named after it, or why none is', () => {
  const ids = rows.flatMap((row) => row.ids)
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
  expect(ids.length).toBeGreaterThan(80)
  const listed = rows.map(({ ids: [id = ''], tests }) => [id, [...tests].sort()])
  const found = rows.map(({ ids: [id = ''] }) => [id, [...(tested.get(id) ?? [])].sort()])
  expect(listed).toEqual(found)
  expect(rows.filter(({ tests, reason }) => tests.length === 0 && reason.length < 20)).toEqual([])
})

test('no test is named after a scenario that docs/scenarios.md does not list', () => {
  const ids = new Set(rows.flatMap((row) => row.ids))
  expect(
    [...tested].filter(([id]) => !ids.has(id)).map(([id, files]) => [id, ...[...files].map((f) => basename(f))]),
  ).toEqual([])
})
