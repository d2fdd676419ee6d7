import { expect, test } from '@jest/globals'
import { describeSummary } from '../src/report.ts'
import type { Entry, Parsed } from '../src/results.ts'
import { canonicalJson, digest, summarise } from '../src/summary.ts'

const parsed = (path: string, facts: Partial<Parsed> = {}): Entry => ({
  path,
  result: { lines: 10, functions: 0, classes: 0, deepest: 0, longest: [], imports: {}, ...facts },
})

const failed = (path: string): Entry => ({ path, result: { error: { type: 'SyntaxError', message: 'no', line: 3 } } })

const entries = [
  parsed('b.py', { functions: 2, deepest: 3, imports: { os: 2, re: 1 }, longest: [{ name: 'f', line: 4, lines: 9 }] }),
  failed('c.py'),
  parsed('a.py', { classes: 1, deepest: 3, imports: { ast: 3 }, longest: [{ name: 'g', line: 1, lines: 9 }] }),
]

test('totals, and ties broken by path and name', () => {
  expect(summarise(entries)).toMatchObject({
    files: 3,
    parsed: 2,
    failed: 1,
    lines: 20,
    functions: 2,
    classes: 1,
    deepest: { path: 'a.py', depth: 3 },
    longest: [{ path: 'a.py' }, { path: 'b.py' }],
    imported: [
      { module: 'ast', imports: 3, files: 1 },
      { module: 'os', imports: 2, files: 1 },
      { module: 're', imports: 1, files: 1 },
    ],
    failures: [{ path: 'c.py', type: 'SyntaxError', message: 'no', line: 3 }],
  })
})

test('ten functions and ten modules, the longest of all files', () => {
  const many = Array.from({ length: 30 }, (_, index) =>
    parsed(`f${index}.py`, { longest: [{ name: 'f', line: 1, lines: index }], imports: { [`m${index}`]: index + 1 } }),
  )
  const { longest, imported } = summarise(many)
  expect(longest.map(({ lines }) => lines)).toEqual([29, 28, 27, 26, 25, 24, 23, 22, 21, 20])
  expect(imported.map(({ module }) => module)).toEqual(longest.map(({ lines }) => `m${lines}`))
})

test('the digest and the text do not depend on the order in which answers came', () => {
  const forward = summarise(entries)
  const backward = summarise([...entries].reverse())
  expect(digest(backward)).toBe(digest(forward))
  expect(describeSummary(backward)).toBe(describeSummary(forward))
})

test('the digest depends on everything a file contains', () => {
  const other = [...entries.slice(0, 2), parsed('a.py', { classes: 1, deepest: 3, imports: { ast: 3 } })]
  expect(digest(summarise(other))).not.toBe(digest(summarise(entries)))
})

test('canonical JSON has sorted keys and no white space', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'é"' }], a: true })).toBe('{"a":true,"b":[1,{"c":"é\\"","d":null}]}')
})

test('the text names the failures and says how many more there are', () => {
  const text = describeSummary(summarise(Array.from({ length: 7 }, (_, index) => failed(`f${index}.py`))))
  expect(text).toContain('7 files: 0 parsed, 7 did not')
  expect(text).toContain('SyntaxError  f0.py:3  no')
  expect(text).toContain('and 2 more')
})
