// Compares the tables of the README and of the protocol's page with the types of the code.
import { expect, test } from '@jest/globals'
import { VERBS } from '@terrarium/inspector/protocol'
import { plain, tableRows, type Row } from '../../../test/support/markdown.ts'
import { namedDefault, Shapes } from '../../../test/support/shapes.ts'

const README = 'packages/observe/README.md'
const PROTOCOL = 'docs/observe-protocol.md'

const shapes = new Shapes(
  'packages/observe/src/index.ts',
  'packages/inspector/src/protocol.ts',
  'packages/observe/src/events.ts',
)
const namesOf = (type: string): string[] => shapes.members(type).map(({ name }) => name)
const words = (cell = ''): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, word = '']) => word)
const first = (row: Row): string => plain(Object.values(row)[0])

test('the README has each option, with its default', () => {
  const rows = tableRows(README, 'Options')
  expect(rows.map(first)).toEqual(namesOf('ObserveOptions'))
  for (const { name, doc } of shapes.members('ObserveOptions')) {
    const shown = plain(rows.find((row) => first(row) === name)?.default)
    expect(`Default: ${shown}`).toBe(`Default: ${namedDefault(doc) ?? shown}`)
    expect(doc).toContain(shown)
  }
})

test('the README has each option of mount(), with its default, and each status of the health', () => {
  const rows = tableRows(README, 'In a server of your own')
  expect(rows.map(first)).toEqual(namesOf('MountOptions'))
  for (const { name, doc } of shapes.members('MountOptions')) {
    const shown = plain(rows.find((row) => first(row) === name)?.default)
    const named = namedDefault(doc) ?? 'none'
    expect([name, shown]).toEqual([name, expect.stringMatching(new RegExp(`^${plain(named)}`))])
    if (named !== 'none') expect(doc).toContain(shown)
  }
  expect(tableRows(README, 'In a server of your own', 1).map(first)).toEqual([...shapes.literals('HealthStatus')])
})

test('the README has each event with its facts', () => {
  const rows = tableRows(README, 'Events')
  expect(rows.map(first)).toEqual(namesOf('EventFacts'))
})

test.each([
  ['hello', 'Hello'],
  ['snap', 'Snap'],
  ['d', 'Delta'],
  ['detail', 'Detail'],
  ['answer', 'Answer'],
  ['error', 'Refusal'],
])('the page of the protocol has each field of %s', (kind, type) => {
  const row = tableRows(PROTOCOL, 'From the source').find((each) => first(each) === kind)
  expect(words(row?.fields)).toEqual(namesOf(type).filter((name) => name !== 't'))
})

test('the page of the protocol has each field of an actor, of the numbers and of what was left out', () => {
  const rows = tableRows(PROTOCOL, 'An actor').flatMap((row) => words(row.field))
  expect(rows.sort()).toEqual(namesOf('ActorView').sort())
})

test('the page of the protocol has each field of a statechart, and each kind of value', () => {
  const fieldsIn = (heading: string): string[] =>
    tableRows(PROTOCOL, heading).flatMap((row) => words(row.field ?? row.form))
  expect(fieldsIn('A statechart')).toEqual(namesOf('NodeView'))
  const kinds = ['Opaque', 'CutText', 'List', 'Dictionary'].flatMap(namesOf)
  expect(fieldsIn('A value')).toEqual(kinds)
})

test('the README has each verb, and the page of the protocol each question', () => {
  const named = tableRows(README, 'Actions').flatMap((row) => words(row.verbs))
  expect([...new Set(named)].sort()).toEqual([...VERBS].sort())
  const questions = tableRows(PROTOCOL, 'Questions').map(first)
  expect(questions).toEqual(['explain', 'whatIf', 'system', 'sweeps'])
})
