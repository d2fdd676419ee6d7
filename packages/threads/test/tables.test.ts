// Compares the tables of the README of threads with the options, defaults, doors and error codes of the code.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { plain, shown, tableRows, type Row } from '../../../test/support/markdown.ts'
import { namedDefault, Shapes } from '../../../test/support/shapes.ts'
import { START_TIMEOUT_MS } from '../src/shared/options.ts'

const README = 'packages/threads/README.md'
const PACKAGE = join(import.meta.dirname, '..')

const shapes = new Shapes('packages/threads/src/index.ts', 'packages/threads/src/web/index.ts')
const nameOf = (row: Row): string => plain(Object.values(row)[0])

test('the table of options has each option, with the defaults that the doc comments name', () => {
  const rows = tableRows(README, 'Options')
  const members = shapes.members('WorkerThreadOptions')
  expect(rows.map(nameOf).sort()).toEqual(members.map(({ name }) => name).sort())
  const defaults = new Map(rows.map((row) => [nameOf(row), plain(row.default)]))
  expect(defaults.get('startTimeout')).toBe(shown(START_TIMEOUT_MS))
  const named = members.flatMap(({ name, doc }) => {
    const value = namedDefault(doc)
    return value === undefined ? [] : [[name, value] as const]
  })
  expect(named.map(([name]) => name).sort()).toEqual(['onFault', 'startTimeout', 'unref'])
  expect(named).toEqual(named.map(([name]) => [name, defaults.get(name)]))
})

test('the first options of the table are those of Web Workers', () => {
  const names = shapes.members('WebWorkerOptions').map(({ name }) => name)
  expect(tableRows(README, 'Options').slice(0, names.length).map(nameOf).sort()).toEqual(names.sort())
})

test('the table of doors has each door', () => {
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { exports: object }
  const doors = Object.keys(exports).map((door) => `@terrarium/threads${door.slice(1)}`)
  expect(tableRows(README, 'Doors').map(nameOf).sort()).toEqual(doors.sort())
})

test('the table of errors has each code that the sources name', () => {
  const sources = readdirSync(join(PACKAGE, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(PACKAGE, 'src', path), 'utf8'))
    .join('')
  const codes = new Set([...sources.matchAll(/new TerrariumError\(\s*'([A-Z_]+)'/g)].map(([, code = '']) => code))
  const named = tableRows(README, 'Errors').map(nameOf)
  expect(named.filter((name) => name !== 'its own').sort()).toEqual([...codes].sort())
})
