import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT, run } from '../support/command.ts'
import { PACKAGES, PROJECT, PYTHON, stranger } from './stranger.ts'

const [wheel = ''] = readdirSync(PACKAGES).filter((name) => name.endsWith('.whl'))

const LIST = 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))'

test('A4: the wheel is called terrarium_workers, and holds the package terrarium and nothing else', async () => {
  expect(wheel).toMatch(/^terrarium_workers-\d+\.\d+\.\d+-py3-none-any\.whl$/)
  const { stdout } = await run(PYTHON, ['-c', LIST, join(PACKAGES, wheel)])
  const files = stdout.trim().split('\n')
  const own = files.filter((file) => !/^terrarium_workers-[\d.]+\.dist-info\//.test(file))
  const sources = readdirSync(join(ROOT, 'python', 'src', 'terrarium'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(py|pyi|typed)$/.test(file))
    .map((file) => `terrarium/${file}`)
  expect(sources).toEqual(expect.arrayContaining(['terrarium/__init__.py', 'terrarium/py.typed']))
  expect(own.sort()).toEqual(sources.sort())
  expect(files).toContainEqual(expect.stringMatching(/dist-info\/licenses\/LICENSE$|dist-info\/LICENSE$/))
})

test('A4: the one line of the README for Python installs the package that an editor finds, and no other', async () => {
  const me = stranger()
  const printed = await me.must(PYTHON, ['-c', 'import terrarium; print(terrarium.__file__, terrarium.tool)'])
  expect(printed).toMatch(/site-packages\/terrarium\/__init__\.py <function tool/)
  const missing = 'import importlib.util as u; print([n for n in ("grpc", "google", "msgpack") if u.find_spec(n)])'
  expect(await me.must(PYTHON, ['-c', missing])).toBe('[]\n')
})

test('A4: the ten lines of the README run on an interpreter that has no package', async () => {
  const me = stranger()
  const python = join(me.home, 'bare', 'bin', 'python')
  await me.must(PYTHON, ['-m', 'venv', '--without-pip', join(me.home, 'bare')])
  const packages = 'import importlib.metadata as m; print(len(list(m.distributions())))'
  expect(await me.must(python, ['-c', packages])).toBe('0\n')
  expect(await me.must('node', ['main.mjs'], { env: { TERRARIUM_PYTHON: python } })).toBe(
    '{ to: 2, be: 2, or: 1, not: 1 }\n{ processesLeft: 0 }\n',
  )
})

test('A4: the extra grpc of the wheel brings what transport grpc needs', async () => {
  const me = stranger()
  const script = 'from importlib.metadata import requires; print("\\n".join(sorted(requires("terrarium-workers"))))'
  const lines = (await me.must(PYTHON, ['-c', script])).trim().split('\n')
  const named = lines.map((line) => line.replaceAll("'", '"').replaceAll(' ', ''))
  expect(named.filter((line) => !line.includes('extra=='))).toEqual([])
  expect(named).toEqual(expect.arrayContaining(['grpcio>=1.60;extra=="grpc"', 'protobuf>=4.25;extra=="grpc"']))
})

test('A4: mypy finds the types of the package', async () => {
  const me = stranger()
  expect(await me.must(PYTHON, ['-m', 'mypy', '--strict', '--cache-dir', me.home, 'tools.py'])).toMatch(/^Success/)
  const wrong = join(me.home, 'wrong.py')
  writeFileSync(wrong, 'from terrarium import tool\n\nx: int = tool(len)\n')
  const { code, stdout } = await me.run(PYTHON, ['-m', 'mypy', '--strict', '--cache-dir', me.home, wrong])
  expect(code).toBe(1)
  expect(stdout).toContain('Incompatible types in assignment')
  expect(stdout).not.toContain('import-untyped')
})

test("A4: a user's pytest calls tools as the functions that they are", async () => {
  const me = stranger()
  const file = join(me.home, 'test_tools.py')
  writeFileSync(file, 'from tools import word_count\n\ndef test_it():\n    assert word_count("a a") == {"a": 2}\n')
  const options = { cwd: me.home, env: { PYTHONPATH: PROJECT } }
  expect(await me.must(PYTHON, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', file], options)).toContain('1 passed')
})
