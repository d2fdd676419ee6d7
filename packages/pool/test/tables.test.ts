// Compares the tables of the README with the options, defaults, events and errors that the code has.
import { expect, test } from '@jest/globals'
import { plain, section, shown, tableRows, type Row } from '../../../test/support/markdown.ts'
import { namedDefault, Shapes, type Member } from '../../../test/support/shapes.ts'
import { DEFAULTS } from '../src/options.ts'

const README = 'packages/pool/README.md'

const shapes = new Shapes('packages/pool/src/index.ts', 'packages/worker/src/heartbeat.ts')
const nameOf = (row: Row): string => plain(Object.values(row)[0])
const inOrder = (names: readonly string[]): string[] => [...names].sort()

const defaultsIn = (rows: readonly Row[]): Record<string, string> =>
  Object.fromEntries(rows.map((row) => [nameOf(row), plain(row.default)]))

/** The defaults that doc comments name, by option. */
const namedIn = (members: readonly Member[]): Record<string, string> =>
  Object.fromEntries(
    members.flatMap(({ name, doc }) => {
      const named = namedDefault(doc)
      return named === undefined ? [] : [[name, named] as const]
    }),
  )

test.each([
  ['Options', 'PoolOptions', 8],
  ['Heartbeat', 'Heartbeat', 2],
  ['Of a call', 'CallOptions', 2],
  ['Of a stream', 'StreamOptions', 0],
  ['Of a map', 'MapOptions', 2],
])('the table %s has each option, with the defaults that the doc comments name', (heading, type, atLeast) => {
  const members = shapes.members(type)
  const rows = tableRows(README, heading)
  expect(inOrder(rows.map(nameOf))).toEqual(inOrder(members.map(({ name }) => name)))
  const named = namedIn(members)
  expect(Object.keys(named).length).toBeGreaterThanOrEqual(atLeast)
  expect(defaultsIn(rows)).toEqual({ ...defaultsIn(rows), ...named })
  const required = rows.filter((row) => row.default === 'required').map(nameOf)
  expect(inOrder(required)).toEqual(inOrder(members.filter(({ isOptional }) => !isOptional).map(({ name }) => name)))
})

test('the table of options has each default of the code', () => {
  const found = defaultsIn(tableRows(README, 'Options'))
  const expected = Object.entries(DEFAULTS).map(([name, value]) => [name, plain(shown(value))])
  expect(Object.keys(DEFAULTS).map((name) => [name, found[name]])).toEqual(expected)
})

test('what the pool hands on to its workers has the defaults of a worker', () => {
  const ofWorker = defaultsIn(tableRows('packages/worker/README.md', 'Input'))
  const ofPool = defaultsIn(tableRows(README, 'Options'))
  expect(ofPool.startTimeout).toBe(ofWorker.startTimeout)
  expect(defaultsIn(tableRows(README, 'Heartbeat'))).toEqual(
    defaultsIn(tableRows('packages/worker/README.md', 'Heartbeat')),
  )
})

test('the tables of a snapshot have each field, phase, state and count', () => {
  const heading = 'In a supervisor or machine of your own'
  const fields = tableRows(README, heading)
  const entries = tableRows(README, heading, 1)
  const namedIn = (rows: readonly Row[], field: string): string[] =>
    [...(rows.find((row) => nameOf(row) === field)?.['what it is'] ?? '').matchAll(/`(\w+)`/g)].map(
      ([, name = '']) => name,
    )
  expect(inOrder(fields.map(nameOf))).toEqual(inOrder(shapes.members('PoolJson').map(({ name }) => name)))
  expect(inOrder(entries.map(nameOf))).toEqual(inOrder(shapes.members('WorkerView').map(({ name }) => name)))
  expect(inOrder(namedIn(fields, 'phase'))).toEqual(inOrder(shapes.literals('PoolStatus')))
  expect(inOrder(namedIn(entries, 'state'))).toEqual(inOrder(shapes.literals('WorkerState')))
  const counts = shapes.members('PoolStats').map(({ name }) => name)
  expect(inOrder(namedIn(fields, 'counts'))).toEqual(inOrder(counts.filter((name) => name !== 'queued')))
})

test('the table of methods has each member of a pool, and the text above it those of a nested one', () => {
  const names = (type: string): string[] =>
    inOrder(shapes.members(type).map(({ name }) => name)).filter((name) => /^[a-z]\w*$/.test(name))
  const [intro = ''] = section(README, 'Methods').split('|')
  const [, nested = ''] = intro.split('`poolOf(ref)`')
  expect(inOrder(tableRows(README, 'Methods').map(nameOf))).toEqual(names('Pool'))
  expect(inOrder([...nested.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))).toEqual(names('PoolAccess'))
})

test('the table of events has each event with its fields', () => {
  const expected = [...shapes.events('PoolEvents')].map(([name, fields]) => [name, inOrder(fields)])
  const rows = tableRows(README, 'Events')
  const found = rows.map((row) => [
    nameOf(row),
    inOrder([...(row.fields ?? '').matchAll(/`(\w+)`/g)].map(([, name = '']) => name)),
  ])
  expect(found.sort()).toEqual(expected.sort())
})

/** The error codes that the doc comment of a method of the pool names. */
const codesOf = (method: string): string[] =>
  [...(shapes.members('Pool').find(({ name }) => name === method)?.doc ?? '').matchAll(/\b[A-Z]+_?[A-Z_]{3,}\b/g)].map(
    ([code]) => code,
  )

test('the table of errors has each code that call() and start() name', () => {
  const rows = tableRows(README, 'Errors')
  const codes = (method: string): string[] =>
    inOrder(rows.filter((row) => row.from?.includes(`\`${method}\``) === true).map(nameOf))
  expect(codes('call')).toEqual(inOrder(codesOf('call')))
  expect(codes('start')).toEqual(inOrder(codesOf('start')))
  const all = tableRows('docs/errors.md', 'Errors').map(nameOf)
  expect(rows.map(nameOf).filter((code) => !all.includes(code))).toEqual([])
})
