// What the doors of the package export: how many names each may have, and which names stand at more than one.
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { plain, tableRows } from '../../../test/support/markdown.ts'
import { Shapes } from '../../../test/support/shapes.ts'

/** The source of each door, and the number of names, values and types, that it may have at most. */
const DOORS = {
  '.': { source: 'index.ts', limit: 45 },
  './base': { source: 'base.ts', limit: 60 },
  './otp': { source: 'otp.ts', limit: 40 },
  './strategies': { source: 'strategies.ts', limit: 25 },
  './replay': { source: 'replay.ts', limit: 16 },
  './testing': { source: 'testing/index.ts', limit: 30 },
} as const
type Door = keyof typeof DOORS

const ALL = Object.keys(DOORS) as Door[]

const pathOf = (door: Door): string => `packages/supervisor/src/${DOORS[door].source}`
const shapes = new Shapes(...ALL.map(pathOf))
const namesAt = (door: Door): readonly string[] => shapes.namesIn(pathOf(door))
const shared = (one: Door, other: Door): string[] =>
  namesAt(one)
    .filter((name) => namesAt(other).includes(name))
    .sort()

test('the doors are those of package.json, and the README says what each is for', () => {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { exports } = JSON.parse(manifest) as { exports: Record<string, { readonly default: string }> }
  const expected = Object.entries(DOORS).map(([door, { source }]) => [door, `./dist/${source.replace('.ts', '.js')}`])
  expect(Object.entries(exports).map(([door, { default: file }]) => [door, file])).toEqual(expected)
  const rows = tableRows('packages/supervisor/README.md', 'Doors').map((row) => plain(row['import from']))
  expect(rows.sort()).toEqual(expected.map(([door = '']) => door.replace('.', '@terrarium/supervisor')).sort())
})

test.each(ALL)('the door %s has names, and no more than its limit', (door) => {
  expect(namesAt(door).length).toBeGreaterThan(3)
  expect(namesAt(door).length).toBeLessThanOrEqual(DOORS[door].limit)
})

test('the main door exports of the base only what users of a supervisor need', () => {
  const values = ['TerrariumError', 'exitWith', 'isTerrariumError', 'systemClock']
  const types = ['ErrorCode', 'ExitReason', 'OnFault', 'SupervisorClock']
  expect(shared('.', './base')).toEqual([...values, ...types].sort())
})

test('any other name stands at one door', () => {
  const others = ALL.filter((door) => door !== '.' && door !== './base')
  const twice = others.flatMap((door) => ALL.filter((other) => other !== door).flatMap((other) => shared(door, other)))
  expect(twice).toEqual([])
})
