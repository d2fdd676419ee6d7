// The index of each package opens with an example: it is run here as a program beside the tools of the README, and
// prints what its comments say.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT, run } from '../support/command.ts'
import { blocks, page } from '../support/markdown.ts'
import { habitat, testPython } from '../support/terrarium.ts'

const packages = readdirSync(join(ROOT, 'packages'))

/** The code in the comment that opens the index of a package. */
function exampleOf(name: string): string {
  const [, comment = ''] = /^\/\*\*\n([^]*?)^ \*\/$/m.exec(page(`packages/${name}/src/index.ts`)) ?? []
  const text = comment.replace(/^ \* ?/gm, '')
  return /^```ts\n([^]*?)^```$/m.exec(text)?.[1] ?? ''
}

/** What a program says in comments that it prints. */
const promised = (program: string): string[] =>
  [...program.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = '']) => text)

test.each(packages)('the example in the index of %s prints what it says', async (name) => {
  const program = exampleOf(name)
  expect(promised(program).length).toBeGreaterThan(0)
  const home = habitat()
  // Below test/ packages are found as in a project that uses them.
  const directory = mkdtempSync(join(ROOT, 'test', 'dist', 'example-'))
  try {
    const [tools] = blocks('README.md').filter(({ language }) => language === 'python')
    writeFileSync(join(directory, 'tools.py'), tools?.code ?? '')
    writeFileSync(join(directory, 'main.mjs'), program)
    const ran = await run(process.execPath, ['main.mjs'], {
      cwd: directory,
      env: { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() },
    })
    expect(ran).toMatchObject({ code: 0, stderr: '', stdout: `${promised(program).join('\n')}\n` })
  } finally {
    rmSync(directory, { recursive: true })
  }
})
