import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ROOT, run } from '../support/command.ts'
import { habitat, testPython, type Habitat } from '../support/terrarium.ts'

/** Where the packages are installed, as in a stranger's project. Not an easy name. */
const folder = mkdtempSync(join(tmpdir(), 'terrarium installed dürr '))
const tarballs = join(folder, 'tarballs')
const project = join(folder, 'project')

async function must(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { cwd })
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
  return stdout
}

beforeAll(async () => {
  await must('npm', ['run', '--silent', 'pack', '--', tarballs], ROOT)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  const files = readdirSync(tarballs).map((name) => join(tarballs, name))
  await must('npm', ['install', '--no-audit', '--no-fund', ...files], project)
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const block = (language: string): string => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(readme)?.[1] ?? ''
  writeFileSync(join(project, 'main.mjs'), block('js'))
  writeFileSync(join(project, 'tools.py'), block('python'))
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const runMain = (home: Habitat) =>
  run(process.execPath, ['main.mjs'], {
    cwd: project,
    env: { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() },
  })

test('A1: installed from its own tarballs, the code of the README runs', async () => {
  const home = habitat()
  const { code, stdout, stderr } = await runMain(home)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.split('\n')[0]).toBe('{ to: 2, be: 2, or: 1, not: 1 }')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0')
})

test('A1: each tarball has the licence, and no Python file is in two', async () => {
  const python: string[] = []
  for (const name of readdirSync(tarballs)) {
    const files = (await must('tar', ['-tzf', join(tarballs, name)], ROOT)).split('\n')
    expect(files).toContain('package/LICENSE')
    expect(files.filter((file) => /tsbuildinfo|__pycache__|\.pyc$/.test(file))).toEqual([])
    python.push(...files.filter((file) => file.endsWith('.py')).map((file) => file.replace('package/python/', '')))
  }
  expect(python).toEqual(expect.arrayContaining(['terrarium/_boot.py', 'terrarium_shepherd/arm.py', 'doctor.py']))
  expect(new Set(python).size).toBe(python.length)
})

test.each([
  ['worker', 'terrarium'],
  ['process', 'terrarium_shepherd'],
])('A2: without the Python files of @terrarium/%s the pool says so, once', async (name, pythonPackage) => {
  const home = habitat()
  const missing = join(project, 'node_modules', '@terrarium', name, 'python', pythonPackage)
  rmSync(missing, { recursive: true })
  const { code, stdout, stderr } = await runMain(home)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(
    `this installation of @terrarium/${name} is incomplete: there is no Python package ${missing}`,
  )
  expect(stderr).toContain("code: 'CONFIGURATION'")
  expect(home.log).toEqual([])
})
