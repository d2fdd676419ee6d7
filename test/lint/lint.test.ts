import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ESLint } from 'eslint'
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
