// docs/seeing.md has the marks of the page.
import { expect, test } from '@jest/globals'
import { page, plain, tableRows } from '../support/markdown.ts'

const PAGE = 'docs/seeing.md'

/** The part of a source between a name and the end of its literal. */
const literal = (path: string, name: string): string =>
  new RegExp(`const ${name}\\b[^=]*= ([\\s\\S]*?)\\n[}\\]]`).exec(page(path))?.[1] ?? ''

test('each mark of an actor is there, with its words', () => {
  const words = [...literal('packages/inspector/page/look.ts', 'LOOK_WORDS').matchAll(/^ {2}(\w+): '(.*)',$/gm)]
  const rows = tableRows(PAGE, 'The marks of an actor')
  expect(rows.map((row) => plain(row.mark)).sort()).toEqual(words.map(([, look = '']) => look).sort())
  for (const [, look = '', word = ''] of words) {
    expect(rows.find((row) => plain(row.mark) === look)?.meaning).toMatch(new RegExp(`^${word}`))
  }
})

test('each mark of the timeline is there, in the words of its legend', () => {
  const legend = [...literal('packages/inspector/page/timeline.tsx', 'LEGEND').matchAll(/\['\w+', '(.*)'\]/g)]
  expect(legend.length).toBeGreaterThan(3)
  expect(tableRows(PAGE, 'The marks of the timeline').map((row) => plain(row.mark))).toEqual(
    legend.map(([, text]) => text),
  )
})
