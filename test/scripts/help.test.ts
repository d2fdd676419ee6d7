import { afterEach, expect, jest, test } from '@jest/globals'
import { join } from 'node:path'
import { existsSync } from 'node:fs'
import { main as compat } from '../../scripts/compat.mjs'
import { main as generate } from '../../scripts/generate.mjs'
import { main as pack } from '../../scripts/pack.mjs'
import { ROOT } from '../support/command.ts'
import { main as bench } from '../bench/main.ts'
import { main as chaos } from '../chaos/main.ts'
import { main as differential } from '../differential/main.ts'
import { main as mutate } from '../mutate/main.ts'

type Main = (argv: string[]) => Promise<number | undefined>
const MAINS: Readonly<Record<string, Main>> = {
  bench,
  chaos,
  compat: compat,
  differential,
  generate: generate as Main,
  mutate,
  pack: pack,
}

afterEach(() => {
  jest.restoreAllMocks()
})

/** Runs a command in this process. Returns its exit code and what it prints. */
async function run(main: Main, argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    jest.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text)
      return true
    })
  }
  const code = (await main(argv)) ?? 0
  jest.restoreAllMocks()
  return { code, ...printed }
}

test.each(Object.entries(MAINS))(
  'npm run %s -- --help prints how the command is used, and does nothing',
  async (name, main) => {
    const { code, stdout, stderr } = await run(main, ['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.toLowerCase()).toContain(`usage: npm run ${name} `)
  },
)

test.each(Object.entries(MAINS))(
  'npm run %s with an unknown option ends with 2, and does nothing',
  async (name, main) => {
    const { code, stdout, stderr } = await run(main, ['--frob'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.toLowerCase()).toContain(`usage: npm run ${name} `)
    expect(existsSync(join(ROOT, '--frob'))).toBe(false)
  },
)

test.each([
  [['--only', 'no such rule'], 'No mutation has the text no such rule'],
  [['--some', 'few'], '--some must be a whole number, not few.'],
  [['--seed', 'x'], '--seed must be a whole number, not x.'],
])('npm run mutate says what is wrong with %j', async (argv, message) => {
  expect(await run(mutate, argv)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
})
