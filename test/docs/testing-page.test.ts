// The programs of docs/testing.md: each is a test file for node:test, and passes. Its tables have the members that the
// code has. Its parts for Jest and Vitest are run in test/installed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { matchers } from '@terrarium/pool/testing'
import { ROOT, run } from '../support/command.ts'
import { blocks, plain, tableRows } from '../support/markdown.ts'
import { Shapes } from '../support/shapes.ts'
import { testPython } from '../support/terrarium.ts'

const PAGE = 'docs/testing.md'
const programs = blocks(PAGE).filter(({ language }) => language === 'js')

test.each(programs.map(({ code }) => [/test\('(.*?)'/.exec(code)?.[1] ?? '', code]))(
  'the program with the test "%s" passes',
  async (_, code) => {
    // Below test/ packages are found as in a project that uses them.
    const cwd = mkdtempSync(join(ROOT, 'test', 'dist', 'testing-page-'))
    try {
      const [tools] = blocks('README.md').filter(({ language }) => language === 'python')
      writeFileSync(join(cwd, 'tools.py'), tools?.code ?? '')
      writeFileSync(join(cwd, 'page.mjs'), code)
      const args = ['--test', '--test-reporter=tap', 'page.mjs']
      const env = { NODE_OPTIONS: '', TERRARIUM_PYTHON: testPython() }
      const { code: status, stdout, stderr } = await run(process.execPath, args, { cwd, env })
      expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^# fail 0$/m) })
      expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThanOrEqual(1)
    } finally {
      rmSync(cwd, { recursive: true })
    }
  },
)

const first = (heading: string, index = 0): string[] =>
  tableRows(PAGE, heading, index).flatMap((row) => plain(Object.values(row)[0]).split(', '))

const namesIn = (cells: readonly string[]): string[] => cells.map((cell) => cell.replace(/\(.*$/, '')).sort()

test('the tables have each fault, each field of a context, each member of a habitat and each matcher', () => {
  const shapes = new Shapes('packages/pool/src/testing/index.ts', 'packages/supervisor/src/testing/index.ts')
  const membersOf = (type: string): string[] =>
    shapes.members(type).flatMap(({ name }) => (/^[a-z]/.test(name) ? [name] : []))
  const faults = (heading: string) => tableRows(PAGE, heading).map((row) => plain(row.fault))
  expect(namesIn(faults('A supervisor'))).toEqual(membersOf('Faults').sort())
  expect(namesIn(faults('A pool without Python'))).toEqual(membersOf('PoolFaults').sort())
  expect(namesIn(first('A pool without Python', 1))).toEqual(membersOf('ToolContext').sort())
  const rows = tableRows(PAGE, 'Jest and Vitest')
  expect(namesIn(rows.map((row) => plain(row.matcher)))).toEqual(Object.keys(matchers).sort())
  const text = tableRows(PAGE, 'Real workers, and tests that do not look').flatMap(Object.values).join()
  const missing = membersOf('Habitat').filter((name) => !text.includes(name))
  expect(missing).toEqual([])
})
