import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT, run } from '../support/command.ts'
import { habitat, testPython } from '../support/terrarium.ts'

const page = readFileSync(join(ROOT, 'docs', 'values.md'), 'utf8')

const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(([, body = '']) => body)

/** The output that a program announces in comments. */
const promised = (program: string): string[] =>
  [...program.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = '']) => text)

test('the code of docs/values.md does what its comments say', async () => {
  const home = habitat()
  // Below test/ packages are found as in a user's project.
  const directory = mkdtempSync(join(ROOT, 'test', '.values-'))
  try {
    const [tools = ''] = blocks('python')
    writeFileSync(join(directory, 'tools.py'), tools)
    const programs = blocks('js')
    expect(programs).toHaveLength(2)
    for (const program of programs) {
      writeFileSync(join(directory, 'main.mjs'), program)
      const { code, stdout, stderr } = await run(process.execPath, ['main.mjs'], {
        cwd: directory,
        env: { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() },
      })
      expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: `${promised(program).join('\n')}\n` })
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the tables of docs/values.md are made from docs/values.json', async () => {
  const script = "import('./scripts/generate.mjs').then((v) => v.generateValues({ check: true }).then(process.exit))"
  const { code, stdout } = await run(process.execPath, ['-e', script], { cwd: ROOT })
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
})
