// Sends the values of docs/values.json through a real worker. The worker has the tools of value_tools.py.
import { inspect } from 'node:util'
import { expect } from '@jest/globals'
import type { Pool } from '@terrarium/pool'
import { apartRows, javascriptValue, same, sentRows, type RefusedRow, type SentRow } from './values.ts'

type Row = Pick<SentRow, 'javascript' | 'python' | 'to' | 'needs'>

/** What is sent to Python or back. */
export const rows: readonly Row[] = [...sentRows, ...apartRows]

/**
 * Sends the values of rows to Python, where they are compared with what the table says, and has Python send its own.
 */
export async function walk(pool: Pool, rows: readonly Row[]): Promise<void> {
  expect(rows.length).toBeGreaterThan(0)
  for (const { javascript, python, to, needs } of rows) {
    const value = javascriptValue(javascript)
    if (to !== 'javascript') {
      expect([javascript, await pool.call('is_same', { value, expression: python, needs })]).toEqual([javascript, ''])
    }
    if (to === 'python') continue
    const arrived = await pool.call('make', { expression: python, needs })
    expect([python, inspect(arrived)]).toEqual([python, inspect(value)])
    expect(same(arrived, value)).toBe(true)
  }
}

/** Has each value that cannot be sent refused, with the table's message and hint. */
export async function refuse(pool: Pool, rows: readonly RefusedRow[]): Promise<void> {
  for (const { in: side, value, message, hint, needs } of rows) {
    const call =
      side === 'Python'
        ? pool.call('make_in', { expression: value, needs })
        : pool.call('is_same', { value: { rows: [1, { price: javascriptValue(value) }] }, expression: '1' })
    const subject = side === 'Python' ? 'the result of make_in: ' : 'the arguments of is_same: '
    const at = side === 'Python' ? 'rows[1].price' : 'value.rows[1].price'
    await expect(call).rejects.toMatchObject({
      code: side === 'Python' ? 'RESULT_NOT_SENDABLE' : 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${subject}${message} at ${at}`),
      hint,
      details: { place: expect.stringContaining(at) },
    })
  }
}

/** The rows that need no package. */
export const without = <R extends { readonly needs?: string }>(rows: readonly R[]): R[] =>
  rows.filter(({ needs }) => needs === undefined)
