import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT, run } from '../../../test/support/command.ts'
import { habitat, testPython } from '../../../test/support/terrarium.ts'

// The example at the top of the package's index, run as it stands there.

/** The first example of the file. */
function exampleOf(path: string): string {
  const [, comment = ''] = /```ts\n(.*?) \* ```/s.exec(readFileSync(path, 'utf8')) ?? []
  return comment.replaceAll(/^ \* ?/gm, '')
}

test('the example of the index prints what its comments say', async () => {
  const home = habitat()
  const source = exampleOf(join(ROOT, 'packages', 'pool', 'src', 'index.ts'))
  const promised = [...source.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, said]) => said)
  expect(promised).toEqual(['3', '{ processesLeft: 0 }', '7'])
  mkdirSync(join(home.directory, 'node_modules'))
  symlinkSync(join(ROOT, 'test', 'node_modules', '@terrarium'), join(home.directory, 'node_modules', '@terrarium'))
  home.file('example.mjs', source)
  const env = { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() }
  const { code, stdout, stderr } = await run(process.execPath, ['example.mjs'], { cwd: home.directory, env })
  expect({ code, stderr, printed: stdout.trim().split('\n') }).toEqual({ code: 0, stderr: '', printed: promised })
})
