import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { freshState } from './support.ts'

test('the program in the README does what it says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, program = ''] = /```ts\n(.*?)```/s.exec(readme) ?? []
  const stateDir = freshState()
  const file = join(stateDir, 'readme.mjs')
  writeFileSync(
    file,
    program.replace("'@terrarium/process'", JSON.stringify(new URL('../dist/index.js', import.meta.url).href)),
  )
  const output = execFileSync(process.execPath, [file], {
    encoding: 'utf8',
    env: { ...process.env, TERRARIUM_STATE_DIR: stateDir },
  })
  expect(output.split('\n')).toEqual([
    expect.stringMatching(/^\d+ says ready$/),
    '1',
    'SIGTERM',
    '{ killed: 0, unreleased: 0, left: [] }',
    '',
  ])
})
