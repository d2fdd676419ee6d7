import { chmodSync, mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { resolveInterpreter } from '@terrarium/process'
import { freshState as freshFolder } from './support.ts'

const VARIABLES = ['TERRARIUM_PYTHON', 'VIRTUAL_ENV', 'CONDA_PREFIX'] as const
const before = { cwd: process.cwd(), env: VARIABLES.map((name) => [name, process.env[name]] as const) }

let folder: string

beforeEach(() => {
  folder = freshFolder()
  process.chdir(folder)
  for (const name of VARIABLES) Reflect.deleteProperty(process.env, name)
})

afterEach(() => {
  process.chdir(before.cwd)
  for (const [name, value] of before.env) {
    if (value === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = value
  }
})

/** A script that prints what an interpreter prints. */
function interpreter(...path: string[]): string {
  const file = join(folder, ...path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `#!/bin/sh\necho '${file}'\necho 3.12.1\n`)
  chmodSync(file, 0o755)
  return file
}

test('A5: the first that is given of option, variables, ./.venv and python3 is taken', async () => {
  const found = async (python?: string) => {
    const { source, path } = await resolveInterpreter(python)
    return [source, path]
  }
  expect(await found()).toEqual(['python3', expect.any(String)])
  const local = interpreter('.venv', 'bin', 'python')
  expect(await found()).toEqual(['./.venv', local])
  const conda = interpreter('conda', 'bin', 'python')
  process.env['CONDA_PREFIX'] = join(folder, 'conda')
  expect(await found()).toEqual(['CONDA_PREFIX', conda])
  const active = interpreter('active', 'bin', 'python')
  process.env['VIRTUAL_ENV'] = join(folder, 'active')
  expect(await found()).toEqual(['VIRTUAL_ENV', active])
  const named = interpreter('named')
  process.env['TERRARIUM_PYTHON'] = named
  expect(await found()).toEqual(['TERRARIUM_PYTHON', named])
  const chosen = interpreter('chosen')
  expect(await found(chosen)).toEqual(['python', chosen])
})

test('A5: an environment can be named by its folder, an interpreter by its name or by a relative path', async () => {
  const local = interpreter('env', 'bin', 'python')
  for (const python of ['env', './env', join(folder, 'env'), './env/bin/python', local]) {
    expect(await resolveInterpreter(python)).toEqual({ path: local, version: '3.12.1', source: 'python' })
  }
  expect((await resolveInterpreter('python3')).path).toMatch(/^\//)
  process.env['TERRARIUM_PYTHON'] = 'env'
  expect(await resolveInterpreter()).toMatchObject({ path: local, source: 'TERRARIUM_PYTHON' })
})

test('A6: an empty value counts as not given', async () => {
  for (const name of VARIABLES) process.env[name] = ''
  expect(await resolveInterpreter('')).toMatchObject({ source: 'python3' })
})

test('A5: a given interpreter that is missing is an error that names what to correct; no other is tried', async () => {
  symlinkSync(join(folder, 'gone'), join(folder, '.venv'))
  mkdirSync(join(folder, 'gone', 'bin'), { recursive: true })
  symlinkSync('/nowhere/python', join(folder, 'gone', 'bin', 'python'))
  await expect(resolveInterpreter()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: `there is no ${join(folder, '.venv', 'bin', 'python')}`,
    hint: expect.stringContaining('Make .venv again'),
    details: { source: './.venv' },
  })
  process.env['VIRTUAL_ENV'] = join(folder, 'gone')
  await expect(resolveInterpreter()).rejects.toMatchObject({ hint: expect.stringContaining('unset VIRTUAL_ENV') })
  await expect(resolveInterpreter('./nowhere')).rejects.toMatchObject({
    message: `there is no ${join(folder, 'nowhere')}`,
    hint: expect.stringContaining('Correct the option `python`'),
  })
})

test('D1: without a working directory only what is looked for in it is not found', async () => {
  const python = interpreter('python')
  const gone = join(folder, 'gone')
  mkdirSync(gone)
  process.chdir(gone)
  rmdirSync(gone)
  expect(() => process.cwd()).toThrow('ENOENT')
  await expect(resolveInterpreter(python)).resolves.toMatchObject({ path: python, source: 'python' })
})
