import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT } from '../support/command.ts'

const readJson = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Record<string, unknown>

test('each folder of the workspace that has a tsconfig.json is built', () => {
  const inside = (folder: string): string[] => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)
  const projects = [...['packages', 'packages/inspector', 'examples'].flatMap(inside), 'test'].filter((folder) =>
    existsSync(join(ROOT, folder, 'tsconfig.json')),
  )
  const built = (readJson('tsconfig.build.json')['references'] as { path: string }[]).map(({ path }) => path)
  expect(built.sort()).toEqual(projects.sort())
})

test('the supervisor is compiled without the types of Node', () => {
  expect(readJson('tsconfig.base.json')).toMatchObject({ compilerOptions: { types: [] } })
  expect(readJson('packages/supervisor/tsconfig.json')['compilerOptions']).not.toHaveProperty('types')
})

const KNIP = join(ROOT, 'node_modules', 'knip', 'bin', 'knip.js')
const PROJECT = {
  'package.json': JSON.stringify({
    name: 'x',
    type: 'module',
    knip: { rules: { cycles: 'error' } },
    dependencies: { level: '1.0.0' },
  }),
  'index.js': "import { a } from './a.js'\nimport 'xstate'\nconsole.log(a)",
  'a.js': "import { b } from './b.js'\nexport const a = b\nexport const unused = 1",
  'b.js': "import { a } from './a.js'\nexport const b = () => a",
  'lost.js': 'export const lost = 1',
}

test('knip finds unused files, exports and dependencies, undeclared ones, and cycles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-knip-'))
  try {
    for (const [path, content] of Object.entries(PROJECT)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    const options = ['--no-progress', '--directory', folder]
    const knip = (...more: string[]) =>
      spawnSync(process.execPath, [KNIP, ...options, ...more], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } })
    const unused = knip()
    expect(unused.status).toBe(1)
    for (const found of [
      /Unused files.*\nlost\.js/,
      /Unused dependencies.*\nlevel/,
      /Unlisted dependencies.*\nxstate/,
    ]) {
      expect(unused.stdout).toMatch(found)
    }
    expect(unused.stdout).toMatch(/Unused exports.*\nunused/)
    const cycles = knip('--cycles')
    expect({ code: cycles.status, said: cycles.stdout }).toEqual({ code: 1, said: expect.stringContaining('a.js') })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
