import { expect, test } from '@jest/globals'
import { findMissingHeader, findWide, findWords } from '../../scripts/lint/language.mjs'

const wordsOf = (text: string, path = 'packages/pool/src/x.ts'): string[] =>
  findWords(path, text).map(({ line, message }) => `${String(line)} ${/"(.*?)"/.exec(message)?.[1] ?? ''}`)

test.each([
  ['a comment', '// He waits.\n\n/** Nobody calls it. */', ['1 He', '3 Nobody']],
  ['a string', "throw new Error('whoever calls')", ['1 whoever']],
  ['a phrase', 'One that ends, and those  that', ['1 One that', '1 those  that']],
  ['a name in camel case', 'const isTending = wardenOf(FLOCK_SIZE)', ['1 Tending', '1 FLOCK', '1 warden']],
  ['a name in snake case', 'def run_warden(): pass', ['1 warden']],
  ['two words of one line', 'everybody rouses the flock', ['1 everybody', '1 flock', '1 rouses']],
])('words that the glossary replaces are found in %s', (_, text, expected) => {
  expect(wordsOf(text)).toEqual(expected)
})

test('longer words, system calls and the glossary are no finding', () => {
  expect(wordsOf('the warehouse, then, there; this; hired-out of history')).toEqual(['1 hired'])
  expect(wordsOf('fcntl.flock(fd, fcntl.LOCK_EX)  # as `flock` and flock(2) do')).toEqual([])
  expect(wordsOf('| whoever | flock |', 'docs/glossary.md')).toEqual([])
})

test.each([
  ['x.ts', '', []],
  ['x.ts', '// Says what it is for.\nexport {}', []],
  ['x.ts', '/// <reference types="node" />\n/**\n * Says what it is for.\n */\n', []],
  ['x.mjs', '#!/usr/bin/env node\n// What is shared:\n// - this\n', []],
  ['x.py', '"""Says what it is for."""\n', []],
  ['x.py', '#!/usr/bin/env python3\n# What this is for.\n', []],
  ['x.test.ts', 'export {}', []],
  ['tests/test_x.py', 'import os', []],
  ['packages/x/test/readme.example.ts', 'export {}', []],
  ['x.md', '# Title', []],
  ['x.ts', 'export {} // Says what it is for.', [1]],
  ['x.ts', '// eslint-disable no-console\nexport {}', [1]],
  ['x.ts', '// names\nexport {}', [1]],
  ['x.py', 'import os\n"""Too late."""', [1]],
])('a source file opens with what it is for: %s %j', (path, text, expected) => {
  expect(findMissingHeader(path, text).map(({ line }) => line)).toEqual(expected)
})

const WIDE = 'about '.repeat(22).trimEnd()

test.each([
  ['x.ts', `/** ${WIDE} */`, [1]],
  ['x.ts', `  /**\n   * ${WIDE}\n   */`, [2]],
  ['x.mjs', `// ${WIDE}`, [1]],
  ['x.ts', `call() // ${WIDE}`, [1]],
  ['x.proto', `  // ${WIDE}`, [1]],
  ['x.py', `def it():\n    """${WIDE}"""\n    return 1`, [2]],
  ['x.py', `"""\n${WIDE}\n"""\n# ${WIDE}`, [2, 4]],
  ['x.ts', `const text = '// ${WIDE}'`, []],
  ['x.ts', `// eslint-disable-next-line ${WIDE}`, []],
  ['x.py', `text = """\n${WIDE}\n"""`, []],
  ['x.ts', `// ${WIDE.slice(0, 117)}`, []],
  ['x.md', `${WIDE} ${WIDE}`, [1]],
  ['x.md', `- ${WIDE}`, []],
  ['x.md', `| ${WIDE} ${WIDE} |`, []],
  ['x.md', `\`\`\`sh\n${WIDE} ${WIDE}\n\`\`\`\n${WIDE} ${WIDE}`, [4]],
])(
  'comments of %s that are wider than 120 columns, and prose of pages wider than 145, are found: %#',
  (path, text, expected) => {
    expect(findWide(path, text).map(({ line }) => line)).toEqual(expected)
  },
)
