// Compares the tables of the README with the input of a worker, its defaults, and the errors that the sources make.
import { expect, test } from '@jest/globals'
import { plain, shown, tableRows, type Row } from '../../../test/support/markdown.ts'
import { namedDefault, Shapes } from '../../../test/support/shapes.ts'
import { DEFAULT_HEARTBEAT } from '../src/heartbeat.ts'

const README = 'packages/worker/README.md'

const shapes = new Shapes('packages/worker/src/index.ts', 'packages/worker/src/heartbeat.ts')
const nameOf = (row: Row): string => plain(Object.values(row)[0])

test.each([
  ['Input', 'WorkerInput', 2],
  ['Heartbeat', 'Heartbeat', 2],
])('the table %s has each option, with the defaults that the doc comments name', (heading, type, atLeast) => {
  const members = shapes.members(type)
  const rows = tableRows(README, heading)
  expect(rows.map(nameOf).sort()).toEqual(members.map(({ name }) => name).sort())
  const named = members.flatMap(({ name, doc }) => {
    const value = namedDefault(doc)
    return value === undefined ? [] : [[name, value] as const]
  })
  expect(named.length).toBeGreaterThanOrEqual(atLeast)
  const found = new Map(rows.map((row) => [nameOf(row), plain(row.default)]))
  expect(named.map(([name]) => [name, found.get(name)])).toEqual(named)
})

test('the table of the heartbeat has the defaults of the code', () => {
  const found = tableRows(README, 'Heartbeat').map((row) => [nameOf(row), row.default])
  expect(found).toEqual(Object.entries(DEFAULT_HEARTBEAT).map(([name, value]) => [name, shown(value)]))
})

test('the defaults that a worker has of its process are those of a kept program', () => {
  const ofKeep = new Map(tableRows('docs/process/keep.md', 'Options').map((row) => [nameOf(row), row.default]))
  const ofWorker = new Map(tableRows(README, 'Input').map((row) => [nameOf(row), row.default]))
  for (const name of ['startTimeout', 'grace']) expect(ofWorker.get(name)).toBe(ofKeep.get(name))
})
