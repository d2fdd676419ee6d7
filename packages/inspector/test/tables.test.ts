// Compares the tables of the README of the inspector with its options, members, doors, codes and limits.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { page, plain, tableRows, type Row } from '../../../test/support/markdown.ts'
import { namedDefault, Shapes } from '../../../test/support/shapes.ts'
import * as limits from '../src/shared/limits.ts'

const README = 'packages/inspector/README.md'
const PACKAGE = join(import.meta.dirname, '..')

const shapes = new Shapes('packages/inspector/src/index.ts')
const nameOf = (row: Row): string => plain(Object.values(row)[0])

test('the table of options has each option, with the defaults that the doc comments name', () => {
  const rows = tableRows(README, 'Options')
  const members = shapes.members('InspectorOptions')
  expect(rows.map(nameOf)).toEqual(members.map(({ name }) => name))
  const defaults = new Map(rows.map((row) => [nameOf(row), plain(row.default)]))
  for (const { name, doc } of members) {
    const value = namedDefault(doc)
    if (/^(\d+|\[\]|true|false|none)$/.test(value ?? '')) expect([name, defaults.get(name)]).toEqual([name, value])
  }
})

test('the table of members has each member', () => {
  const names = tableRows(README, 'What it answers').map((row) => nameOf(row).replace(/\(.*/, ''))
  expect(names).toEqual(shapes.members('Inspector').map(({ name }) => name))
})

test('the table of doors has each door', () => {
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { exports: object }
  const doors = Object.keys(exports).map((door) => `@terrarium/inspector${door.slice(1)}`)
  expect(tableRows(README, 'Doors').map(nameOf)).toEqual(doors)
})

test('the table of errors has each code', () => {
  expect(tableRows(README, 'Errors').map(nameOf)).toEqual([...shapes.literals('InspectorErrorCode')])
})

test('the README names the limits of the code', () => {
  const text = page(README)
  const { ACTORS, ENDED_ACTORS, KEPT_EVENTS, EVENTS_PER_FLUSH, FLUSH_MS, PAYLOAD_MS, SNAPSHOT_LIMITS } = limits
  const { TRANSITIONS_PER_FLUSH, KEPT_TRANSITIONS, REST_FACTOR, MESSAGE_BYTES, TRACED_DETAILS } = limits
  const shown = (count: number): string => count.toLocaleString('en')
  for (const part of [
    `up to ${shown(ACTORS)}`,
    `the last ${ENDED_ACTORS}, weakly`,
    `the last ${shown(KEPT_EVENTS)}`,
    `up to ${EVENTS_PER_FLUSH} sent every ${FLUSH_MS} ms`,
    `at most ${PAYLOAD_MS} ms of every ${FLUSH_MS} ms`,
    `up to ${TRANSITIONS_PER_FLUSH} every ${FLUSH_MS} ms`,
    `the last ${KEPT_TRANSITIONS} of each`,
    `of ${TRACED_DETAILS} actors`,
    `after ${REST_FACTOR}\ntimes as long`,
    `${SNAPSHOT_LIMITS.depth} levels, ${SNAPSHOT_LIMITS.entries} entries, texts of ${SNAPSHOT_LIMITS.text} characters`,
    `longer than ${shown(MESSAGE_BYTES)} bytes`,
  ])
    expect(text).toContain(part)
})

test('the page is one file of at most 60 kB, compressed, that names nothing outside of itself', () => {
  const html = readFileSync(join(PACKAGE, 'dist', 'page.html'))
  expect(gzipSync(html, { level: 9 }).length).toBeLessThanOrEqual(60_000)
  const markup = html.toString('utf8').replace(/(<style>|<script>)[^]*?(<\/style>|<\/script>)/g, '$1$2')
  const named = [...markup.matchAll(/<(?:script|style|link|img|iframe)[^>]*>/g)].map(([element]) => element)
  expect(named).toEqual([
    '<link rel="icon" href="data:," />',
    '<style>',
    '<script type="application/json" id="trace">',
    '<script>',
  ])
})
