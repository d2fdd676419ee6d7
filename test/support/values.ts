// The table of values, docs/values.json, as rows for tests.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { NdArray } from '@terrarium/worker'

/** A value as each language writes it, and its bytes. */
export interface SentRow {
  readonly javascript: string
  readonly python: string
  /** Which way the value goes: to one side only, or there and back. */
  readonly to: 'both' | 'python' | 'javascript'
  /** The form on the wire, in words. */
  readonly form: string
  /** The bytes on the wire, in hex. */
  readonly wire: string
  readonly note?: string
  /** The Python package that the row is about. */
  readonly needs?: string
}

/** A value of which parts travel apart. */
export interface ApartRow extends Omit<SentRow, 'form'> {
  /** Its segments: hex, so many times. `wire` is the msgpack beside them. */
  readonly segments: readonly { readonly unit: string; readonly times: number }[]
}

export interface RefusedRow {
  readonly in: 'JavaScript' | 'Python'
  readonly value: string
  readonly message: string
  readonly hint: string
  readonly needs?: string
}

const table = JSON.parse(readFileSync(fileURLToPath(new URL('../../docs/values.json', import.meta.url)), 'utf8')) as {
  readonly sent: readonly { readonly group: string; readonly rows: readonly SentRow[] }[]
  readonly apart: readonly ApartRow[]
  readonly refused: readonly RefusedRow[]
}

/** The table of values, see `docs/values.md`. */
export const sentRows: readonly SentRow[] = table.sent.flatMap(({ rows }) => rows)
export const apartRows: readonly ApartRow[] = table.apart
export const refusedRows: readonly RefusedRow[] = table.refused

/** The segments of a row, each in memory of its own, as they are received. */
export const segmentsOf = ({ segments }: ApartRow): Buffer[] =>
  segments.map(({ unit, times }) => {
    const size = (unit.length / 2) * times
    return Buffer.from(new ArrayBuffer(size)).fill(unit, 'hex')
  })

/** The tools that make and look at Python's side of a row. */
export const VALUE_TOOLS = fileURLToPath(new URL('value_tools.py', import.meta.url))

/** The value of an expression of the table. */
export function javascriptValue(expression: string): unknown {
  const make = (0, eval)(`(NdArray) => (${expression})`) as (type: typeof NdArray) => unknown
  return make(NdArray)
}

/** Like assert.deepStrictEqual: NaN is NaN, −0 is not 0, and a Buffer is no other Uint8Array. */
export const same = isDeepStrictEqual

/** Why the rows of a Python package cannot be tested with an interpreter; undefined if they can. */
export function withoutPackage(python: string, name: string): string | undefined {
  const { status } = spawnSync(python, [
    '-I',
    '-c',
    `import importlib.util, sys; sys.exit(importlib.util.find_spec("${name}") is None)`,
  ])
  return status === 0 ? undefined : `${name} is not installed in ${python}`
}
