import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ESLint } from 'eslint'
import { ROOT } from '../support/command.ts'

const FIXTURES = join(ROOT, 'test', 'lint', 'fixtures')

test('the lint refuses tests that are focused, or skipped without a reason', async () => {
  const eslint = new ESLint({
    cwd: ROOT,
    ignore: false,
    ruleFilter: ({ ruleId }) => ruleId === 'no-restricted-syntax',
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
  expect(expected).toHaveLength(15)
  expect(found).toEqual(expected)
})
