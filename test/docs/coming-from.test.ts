// Runs the programs of docs/coming-from.md: each pair prints the same.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT, run } from '../support/command.ts'
import { page } from '../support/markdown.ts'
import { habitat, testPython } from '../support/terrarium.ts'

const parts = page('docs/coming-from.md').split(/^(?=## )/m)

const codeOf = (part: string, language: string): string[] =>
  Array.from(part.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm')), ([, code = '']) => code)

test.each(['python-shell', 'pythonia'])('the programs before and after %s print the same', async (name) => {
  const part = parts.find((each) => each.startsWith(`## From ${name}\n`)) ?? ''
  const [before = '', tools = ''] = codeOf(part, 'python')
  const programs = codeOf(part, 'js')
  expect(programs).toHaveLength(2)
  const home = habitat()
  // Not in the checkout: pythonia does not find a module beside a program whose path has spaces or umlauts.
  const directory = mkdtempSync(join('/tmp', 'coming-from-'))
  symlinkSync(join(ROOT, 'test', 'node_modules'), join(directory, 'node_modules'))
  try {
    writeFileSync(join(directory, 'before.py'), before)
    writeFileSync(join(directory, 'tools.py'), tools)
    for (const program of programs) {
      writeFileSync(join(directory, 'main.mjs'), program)
      const env = { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() }
      const { code, stdout } = await run(process.execPath, ['main.mjs'], { cwd: directory, env })
      expect({ code, stdout }).toEqual({ code: 0, stdout: codeOf(part, 'text')[0] })
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
})
