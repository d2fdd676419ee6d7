// Compares the tables of docs/process with the options, defaults, events and levels that the code has, and with the
// targets of the chaos.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT } from '../../../test/support/command.ts'
import { plain, section, shown, tableRows, type Row } from '../../../test/support/markdown.ts'
import { namedDefault, Shapes } from '../../../test/support/shapes.ts'
import { START_TIMEOUT_MS } from '../src/life/driver.ts'
import { DEFAULT_GRACE_MS } from '../src/life/os-process.ts'
import { CONTAINMENTS } from '../src/shepherd/containment.ts'

const KEEP = 'docs/process/keep.md'
const RUNTIME = 'docs/process/runtime.md'
const HOW = 'docs/process/how-it-works.md'
const PROMISES = 'docs/process/promises.md'

const shapes = new Shapes('packages/process/src/index.ts')
const nameOf = (row: Row): string => plain(Object.values(row)[0])
const inOrder = (names: Iterable<string>): string[] => [...names].sort()
const namesOf = (type: string): string[] => shapes.members(type).map(({ name }) => name)
const inCode = (text = ''): string[] => [...text.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)

/** The options that `keep` hands on to its supervisor, as the text before the link to their page names them. */
const [, handedOn = ''] = section(KEEP, 'Options').split('](../supervisor/options.md)')
const ofSupervisor = inCode(handedOn)

test.each([
  [RUNTIME, 'Options', 'RuntimeOptions', []],
  [RUNTIME, '`spawn`', 'SpawnRequest', []],
  [KEEP, 'Options', 'KeepOptions', ofSupervisor],
])(
  'the table of %s, %s, has each option, with the defaults that the doc comments name',
  (path, heading, type, others) => {
    const rows = tableRows(path, heading)
    expect(inOrder([...rows.map(nameOf), ...others])).toEqual(inOrder(namesOf(type)))
    const found = new Map(rows.map((row) => [nameOf(row), plain(row.default)]))
    const named = shapes.members(type).flatMap(({ name, doc }) => {
      const value = namedDefault(doc)
      return value === undefined || !found.has(name) ? [] : [[name, value.replace(/\B(?=(\d{3})+$)/g, ',')] as const]
    })
    expect(named.length).toBeGreaterThan(0)
    expect(named.map(([name]) => [name, found.get(name)])).toEqual(named)
  },
)

test('the options of keep have the defaults of the code', () => {
  const rows = tableRows(KEEP, 'Options')
  const defaultOf = (name: string): string | undefined => rows.find((row) => nameOf(row) === name)?.default
  expect(defaultOf('startTimeout')).toBe(shown(START_TIMEOUT_MS))
  expect(defaultOf('grace')).toBe(shown(DEFAULT_GRACE_MS))
})

test('the table of an exit status has each of its fields', () => {
  expect(inOrder(tableRows(RUNTIME, 'The status of an exit').map(nameOf))).toEqual(inOrder(namesOf('ExitStatus')))
})

test('the table of events has each event of a program with its fields', () => {
  const events = [...shapes.events('KeptEvents')].filter(([name]) => name.startsWith('program.'))
  const expected = events.map(([name, fields]) => [name, inOrder(fields.filter((field) => field !== 'type'))])
  const found = tableRows(KEEP, 'Events').map((row) => [nameOf(row), inOrder(inCode(row.more))])
  expect(found.sort()).toEqual(expected.sort())
})

test('the table of levels has each level, best first', () => {
  expect(tableRows(HOW, 'Containment').map(nameOf)).toEqual(CONTAINMENTS)
})

test('each chaos target keeps a promise', () => {
  const targets = readdirSync(join(ROOT, 'test/chaos/targets')).map((file) => file.replace('.ts', ''))
  const promised = tableRows(PROMISES, 'Promises').flatMap((row) => inCode(row['chaos target']))
  expect(inOrder(new Set(promised))).toEqual(inOrder(targets.filter((target) => target !== 'self-test')))
})
