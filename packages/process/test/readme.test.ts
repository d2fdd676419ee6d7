import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { freshState } from './support.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const programs = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, program = '']) => program)

/** What each program of the README prints, in their order. */
const PRINTED = [
  [expect.stringMatching(/^\d+ says ready$/), '1', 'SIGTERM', '{ killed: 0, unreleased: 0, left: [] }'],
  ['error program web died: signal SIGKILL', 'running true', 'shutdown ', 'stopped undefined'],
  ['2', '0'],
]

test('every program in the README is run here', () => {
  expect(programs).toHaveLength(PRINTED.length)
})

test.each(PRINTED.map((printed, index) => ({ printed, index })))(
  'program $index in the README does what it says',
  ({ printed, index }) => {
    const stateDir = freshState()
    const file = join(stateDir, 'readme.mjs')
    const program = (programs[index] ?? '').replace(/'@terrarium\/(process|supervisor)'/g, (_, name: string) =>
      JSON.stringify(new URL(`../../${name}/dist/index.js`, import.meta.url).href),
    )
    writeFileSync(file, program)
    const output = execFileSync(process.execPath, [file], {
      encoding: 'utf8',
      env: { ...process.env, TERRARIUM_STATE_DIR: stateDir },
    })
    expect(output.split('\n')).toEqual([...printed, ''])
  },
)
