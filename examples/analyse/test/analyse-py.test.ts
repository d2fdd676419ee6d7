import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { workerFiles } from '@terrarium/worker'
import type { Parsed, Result } from '../src/results.ts'

const EXAMPLE = fileURLToPath(new URL('..', import.meta.url))

const DRIVER = `
import json, sys
sys.path[:0] = sys.argv[1:3]
import analyse
print(json.dumps([analyse.analyse(path) for path in sys.argv[3:]]))
`

function testPython(): string {
  const path = process.env.TERRARIUM_PYTHON ?? fileURLToPath(new URL('../../../.venv/bin/python', import.meta.url))
  if (!existsSync(path)) throw new Error(`no Python at ${path}: run "npm run setup" first`)
  return path
}

/**
 * The results of analyse.py for these sources, each in a file of its own. Fails if anything is printed, for example a
 * warning.
 */
async function analyse(...sources: readonly (string | Buffer)[]): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-analyse-test-'))
  try {
    const paths = sources.map((source, index) => {
      const path = join(folder, `${index}.py`)
      writeFileSync(path, source)
      return path
    })
    const args = ['-W', 'error', '-c', DRIVER, workerFiles(), EXAMPLE, ...paths]
    const { stdout, stderr } = await promisify(execFile)(testPython(), args)
    expect(stderr).toBe('')
    return JSON.parse(stdout) as Result[]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const SOURCE = `import os, os.path, re as regex
from os import path
from . import sibling
from .sibling import thing

class Outer:
    @decorated
    async def method(self):
        def inner():
            return 1
        return inner

def flat():
    if a:
        pass
    elif b:
        pass
    else:
        for _ in c:
            import json
`

test('counts what a file contains', async () => {
  expect(await analyse(SOURCE, '')).toEqual([
    {
      lines: 20,
      functions: 3,
      classes: 1,
      deepest: 3,
      longest: [
        { name: 'flat', line: 13, lines: 8 },
        { name: 'Outer.method', line: 8, lines: 4 },
        { name: 'Outer.method.inner', line: 9, lines: 2 },
      ],
      imports: { json: 1, os: 3, re: 1 },
    },
    { lines: 0, functions: 0, classes: 0, deepest: 0, longest: [], imports: {} },
  ])
})

test('an elif is as deep as its if, an if in an else is deeper', async () => {
  const depths = (await analyse(
    `if a:\n  x\n${'elif b:\n  x\n'.repeat(50)}`,
    'if a:\n  x\nelse:\n  if b:\n    x\n',
    'try:\n  x\nexcept E:\n  with y:\n    x\n',
    'match a:\n  case 1:\n    while b:\n      x\n',
  )) as readonly { deepest: number }[]
  expect(depths.map(({ deepest }) => deepest)).toEqual([1, 2, 2, 2])
})

test('sources are decoded by PEP 263: cookies, byte order marks, any line ends', async () => {
  const results = await analyse(
    Buffer.from('# coding: latin-1\r\nname = "é"\r\n', 'latin1'),
    Buffer.from('\uFEFFdef naïve(): pass\n'),
    Buffer.from('# coding: utf-8\rname = 1\rother = 2'),
  )
  expect(results).toMatchObject([{ lines: 2 }, { lines: 1, longest: [{ name: 'naïve' }] }, { lines: 3 }])
})

test('the ten longest functions of a file are returned', async () => {
  const source = Array.from({ length: 20 }, (_, lines) => `def f${lines}():\n${'  x\n'.repeat(lines + 1)}`).join('')
  const [result] = await analyse(source)
  expect(result).toMatchObject({ functions: 20 })
  const names = (result as Parsed).longest.map(({ name }) => name)
  expect(names).toEqual(['f19', 'f18', 'f17', 'f16', 'f15', 'f14', 'f13', 'f12', 'f11', 'f10'])
})

test('a file that does not parse or decode gives a result with its line, and nothing is printed', async () => {
  const results = await analyse(
    'ok = 1\ndef f(:\n',
    Buffer.from('ok = 1\nname = "é"\n', 'latin1'),
    '# coding: no-such-encoding\n',
    '# coding: hex\n',
    'a = "\\d"\nassert (1, "always")\n1 is 1\n', // warnings only
    'a\0b',
    '('.repeat(100_000),
    `x = ${'-'.repeat(100_000)}1`,
    `a${'.b'.repeat(100_000)}`,
  )
  const of = (type: unknown, line: unknown) => ({ error: { type, message: expect.any(String), line } })
  expect(results).toEqual([
    of('SyntaxError', 2),
    of('UnicodeDecodeError', 2),
    of('SyntaxError', null),
    of('LookupError', null),
    expect.objectContaining({ lines: 3 }),
    // The type depends on the version of Python.
    ...Array.from({ length: 4 }, () => expect.objectContaining({ error: expect.anything() })),
  ])
})
