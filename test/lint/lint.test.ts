import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ESLint } from 'eslint'
import { wrapProse } from '../../scripts/lint/width.mjs'
import { ROOT } from '../support/command.ts'

const FIXTURES = join(ROOT, 'test', 'lint', 'fixtures')

test('the lint refuses tests that are focused, skipped without a reason, or expect nothing', async () => {
  const eslint = new ESLint({
    cwd: ROOT,
    ignore: false,
    overrideConfig: { languageOptions: { parserOptions: { project: join(FIXTURES, 'tsconfig.json') } } },
    ruleFilter: ({ ruleId }) => ['no-restricted-syntax', 'terrarium/no-empty-expectation'].includes(ruleId),
  })
  const path = join(FIXTURES, 'forbidden.ts')
  const [result] = await eslint.lintFiles([path])
  const found = result?.messages.map(({ line, ruleId, message }) => `${line} ${ruleId ?? message}`)
  const expected = readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const rule = / \/\/ (\S+)$/.exec(line)?.[1]
      return rule === undefined ? [] : `${index + 1} ${rule}`
    })
  expect(expected).toHaveLength(23)
  expect(found).toEqual(expected)
})

const WORD = 'about '
const long = (length: number): string => WORD.repeat(Math.ceil(length / WORD.length)).trimEnd()

test.each([
  ['typescript', `/** ${long(130)} */`],
  ['typescript', `  /**\n   * ${long(130)}\n   * and on\n   */`],
  ['typescript', `  /**\n   * - ${long(130)}\n   * - and another\n   */`],
  ['typescript', `// ${long(300)}\n// and on`],
  ['typescript', `call() // ${long(130)}`],
  ['python', `def it():\n    """${long(130)}"""\n    return 1`],
  ['python', `"""\n${long(130)}\n\nand on\n"""`],
  ['python', `    # ${long(130)}\n    pass`],
] as const)('wide prose of %s is found and wrapped, and stays what it says: %#', (language, source) => {
  const { text, wide } = wrapProse(source, language)
  expect(wide).toEqual([expect.objectContaining({ isFixed: true })])
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  const words = (from: string): string[] => from.split(/[\s*/#]+/).filter((word) => word !== '')
  expect(words(text).sort()).toEqual(words(source).sort())
  expect(wrapProse(text, language)).toEqual({ text, wide: [] })
})

test.each([
  ['typescript', `const text = '// ${long(130)}'`],
  ['typescript', `// eslint-disable-next-line ${long(130)}`],
  ['python', `text = """\n${long(130)}\n"""`],
] as const)('what is no prose of %s stays as it is: %#', (language, source) => {
  expect(wrapProse(source, language)).toEqual({ text: source, wide: [] })
})
