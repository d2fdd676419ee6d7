import { expect, test } from '@jest/globals'
import { closeMatches } from '../src/close-matches.ts'
import { ToolList } from '../src/tool-list.ts'
import { tool } from './bare.ts'

const list = (...names: string[]): ToolList => new ToolList(names.map((name) => tool(name)))

test('a tool is found by its name', () => {
  expect(['a', 'b'].map((name) => list('a', 'b').indexOf(name))).toEqual([0, 1])
})

test.each<[string, string, string[], string]>([
  ['a misspelt name', 'wordcount', ['word_count', 'echo'], "no tool is named 'wordcount': did you mean word_count?"],
  ['a part of a name', 'count', ['echo', 'word_count'], "no tool is named 'count': did you mean word_count?"],
  ['several near names', 'add_one', ['add_ten', 'add_ones', 'add', 'add_onf', 'sub'], "no tool is named 'add_one': did you mean add_ones or add_onf or add_ten?"], // prettier-ignore
  ['another name', 'qqq', ['a', 'b'], "no tool is named 'qqq': there is a, b"],
  ['another name, of many tools', 'qqq', Array.from({ length: 13 }, (_, n) => `t${n}`), "no tool is named 'qqq': there is t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 and 3 more"], // prettier-ignore
  ['lines', 'a\nb', ['q'], "no tool is named 'a b': there is q"],
])('%s is refused with what there is', (_, name, names, message) => {
  expect(() => list(...names).indexOf(name)).toThrow(expect.objectContaining({ code: 'TOOL_NOT_FOUND', message }))
})

test('a name that is too long is cut, and compared with nothing', () => {
  expect(() => list('x'.repeat(128)).indexOf('x'.repeat(1_000_000))).toThrow(
    `no tool is named '${'x'.repeat(128)}…': there is ${'x'.repeat(128)}`,
  )
})

test('a worker may announce 65,535 tools, and no more', () => {
  const names = Array.from({ length: 65_536 }, (_, n) => `t${n}`)
  expect(list(...names.slice(1)).indexOf('t65535')).toBe(65_534)
  expect(() => list(...names)).toThrow(new TypeError('65536 tools, more than 65535'))
})

test('names are alike from six tenths of their letters on, the most alike come first', () => {
  expect(closeMatches('abcde', ['abcxx', 'abxxx', 'abcde', 'xxabcde'], 9)).toEqual(['abcde', 'xxabcde', 'abcxx'])
  expect(closeMatches('', ['a'], 3)).toEqual([])
  expect(closeMatches('abcde', ['abcde', 'abcdf', 'abcdg', 'abcdh'], 3)).toEqual(['abcde', 'abcdf', 'abcdg'])
})
