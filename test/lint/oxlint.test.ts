import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import tseslint from 'typescript-eslint'
import { ROOT } from '../support/command.ts'

/** Rules that oxlint lacks. */
const MISSING = ['no-unsafe-class-instance-assignment']

const lines = readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8').split('\n')
const { overrides } = JSON.parse(lines.filter((line) => !/^ *\/\//.test(line)).join('\n')) as {
  overrides: { rules?: Record<string, unknown> }[]
}

test('oxlint checks every rule of the strict list of typescript-eslint that it has', () => {
  const strict = Object.assign({}, ...tseslint.configs.strictTypeChecked.map(({ rules }) => rules)) as object
  const wanted = Object.entries(strict).flatMap(([name, level]) => {
    const [, rule] = /^@typescript-eslint\/(.*)/.exec(name) ?? []
    return rule === undefined || level === 'off' ? [] : [rule]
  })
  const on = Object.entries(overrides[0]?.rules ?? {}).flatMap(([name, level]) =>
    level === 'off' ? [] : [name.replace(/^.*\//, '')],
  )
  expect(wanted.length).toBeGreaterThan(60)
  expect(wanted.filter((rule) => !on.includes(rule))).toEqual(MISSING)
})
