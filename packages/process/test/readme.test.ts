// The programs of the README and of the pages in docs/process are run, and print what is said here.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { blocks } from '../../../test/support/markdown.ts'
import { freshState } from './support.ts'

/** What each program of a page prints, in their order. */
const PRINTED: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  'packages/process/README.md': [
    ['error program web died: signal SIGKILL', 'running true', 'shutdown ', 'stopped undefined'],
  ],
  'docs/process/keep.md': [['2', '0']],
  'docs/process/runtime.md': [
    [expect.stringMatching(/^\d+ says ready$/), '1', 'SIGTERM', '{ killed: 0, unreleased: 0, left: [] }'],
  ],
  'docs/process/how-it-works.md': [],
  'docs/process/promises.md': [],
}

const programsOf = (path: string): string[] =>
  blocks(path).flatMap(({ language, code }) => (/^[jt]s$/.test(language) ? [code] : []))

test.each(Object.entries(PRINTED))('every program of %s is run here', (path, printed) => {
  expect(programsOf(path)).toHaveLength(printed.length)
})

const PROGRAMS = Object.entries(PRINTED).flatMap(([path, all]) =>
  all.map((printed, index) => ({ path, index, printed, program: programsOf(path)[index] ?? '' })),
)

test.each(PROGRAMS)('program $index of $path prints what is said here', ({ program, printed }) => {
  const stateDir = freshState()
  const file = join(stateDir, 'readme.mjs')
  const linked = program.replace(/'@terrarium\/(process|supervisor)'/g, (_, name: string) =>
    JSON.stringify(new URL(`../../${name}/dist/index.js`, import.meta.url).href),
  )
  writeFileSync(file, linked)
  const output = execFileSync(process.execPath, [file], {
    encoding: 'utf8',
    env: { ...process.env, TERRARIUM_STATE_DIR: stateDir },
  })
  expect(output.split('\n')).toEqual([...printed, ''])
})
