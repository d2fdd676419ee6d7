import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor'
import { messageOf, showSite, siteAbove } from '@terrarium/supervisor/base'

/** Of this file. */
const lineOf = (text: string): number =>
  readFileSync(fileURLToPath(import.meta.url), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1

const count = (text: string, part: string): number => text.split(part).length - 1

test('each way to print an error shows its hint once', () => {
  const cause = new TerrariumError('CONFIGURATION', 'the cause', { hint: 'Mend the cause.' })
  const error = new TerrariumError('PARKED', 'it is parked', { hint: 'Do this first.', cause, details: { pool: 'p' } })
  expect(error.stack).toMatch(/^TerrariumError: it is parked\n {2}Hint: Do this first\.\n {4}at .*errors\.test\.ts/)
  const printed = inspect(error)
  expect([count(printed, 'Do this first.'), count(printed, 'Mend the cause.')]).toEqual([1, 1])
  expect(printed).toContain("code: 'PARKED'")
})

test('an error without a hint has a stack like any other', () => {
  const error = new TerrariumError('STOPPED', 'over')
  expect(error.stack).toMatch(/^TerrariumError: over\n {4}at .*errors\.test\.ts/)
  expect(error.hint).toBeUndefined()
  expect(inspect(error)).not.toContain('hint')
  expect((TerrariumError.prototype as { hint?: string }).hint).toBeUndefined()
})

test('an error can show the frames of the place where a call was made', () => {
  function here(): unknown {
    return siteAbove(here)
  }
  function caller(): unknown {
    return here()
  }
  const site = caller() as object
  const made = new TerrariumError('PYTHON_ERROR', 'late', { site, hint: 'Look there.' })
  const moved = new TerrariumError('PYTHON_ERROR', 'late', { hint: 'Look there.' })
  showSite(moved, site)
  for (const { stack } of [made, moved]) {
    expect(stack).toMatch(/^TerrariumError: late\n {2}Hint: Look there\.\n {4}at .*\n/)
    expect(stack?.split('\n')[2]).toContain(`errors.test.ts:${lineOf('return here()')}`)
    expect(stack).not.toContain(`errors.test.ts:${lineOf('return siteAbove(here)')}`)
  }
  made.stack = 'replaced'
  expect(made.stack).toBe('replaced')
})

test('a prepareStackTrace that throws is called only when the stack is read, and breaks no error', () => {
  const given = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
  const error = new TerrariumError('STOPPED', 'over', { hint: 'Go on.' })
  let calls = 0
  Error.prepareStackTrace = () => {
    calls += 1
    throw new Error('mine')
  }
  try {
    const other = new TerrariumError('STOPPED', 'over', { hint: 'Go on.' })
    expect(calls).toBe(0)
    for (const each of [error, other]) expect(each.stack).toBe('TerrariumError: over\n  Hint: Go on.')
    expect(calls).toBeGreaterThan(0)
  } finally {
    if (given === undefined) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace
    else Object.defineProperty(Error, 'prepareStackTrace', given)
  }
})

test.each<[string, unknown, string]>([
  ['an error', new Error('boom'), 'boom'],
  ['text', 'boom', 'boom'],
  ['nothing', undefined, 'undefined'],
  ['an object without a prototype', Object.create(null), 'a value that cannot be shown'],
  ['what throws when it is asked', { toString: () => { throw new Error('no') } }, 'a value that cannot be shown'], // prettier-ignore
  ['a message that is none', Object.assign(new Error('x'), { message: 7 }), 'a value that cannot be shown'],
])('the message of %s is text', (_, thrown, message) => {
  expect(messageOf(thrown)).toBe(message)
})

test('a message is not longer than 8,192 characters', () => {
  expect(messageOf(new Error('x'.repeat(1_000_000)))).toHaveLength(8_192)
})
