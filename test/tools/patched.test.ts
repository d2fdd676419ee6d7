import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { habitat, testPython } from '../support/terrarium.ts'

// D20: the libraries that replace threads and sockets, as PyPI has them.

jest.setTimeout(120_000)

const folder = mkdtempSync(join(tmpdir(), 'terrarium-patched-'))

beforeAll(() => {
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', folder]
  const { status, stderr } = spawnSync(testPython(), [...args, 'gevent', 'eventlet'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`gevent and eventlet cannot be installed:\n${stderr}`)
}, 600_000)

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const SYNC = 'from terrarium import tool\n@tool\ndef echo(value): return value\n'
const ASYNC = 'from terrarium import tool\n@tool\nasync def echo(value): return value\n'

const poolOf = (home: ReturnType<typeof habitat>, source: string) =>
  createPool({
    ...home.common,
    name: 'patched',
    tools: home.file('tools.py', source),
    env: { PYTHONPATH: folder },
    size: 2,
  })

test.each([
  ['gevent', 'from gevent import monkey; monkey.patch_all()', SYNC, 'the threads', 'patch_all(thread=False)'],
  ['eventlet', 'import eventlet; eventlet.monkey_patch()', SYNC, 'the threads', 'monkey_patch(thread=False)'],
  ['gevent', 'from gevent import monkey; monkey.patch_all(thread=False)', ASYNC, 'select and socket', 'def'],
  ['eventlet', 'import eventlet; eventlet.monkey_patch(thread=False)', ASYNC, 'select and socket', 'def'],
])('D20: %s is named at once, and what helps: %s', async (library, patch, source, what, hint) => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const pool = poolOf(home, `${patch}\n${source}`)
  await expect(pool.start()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining(`${library} has replaced ${what}`),
    hint: expect.stringContaining(hint),
  })
  expect(pool.stats.starts).toBeLessThanOrEqual(2)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})

test.each([
  ['gevent', 'from gevent import monkey; monkey.patch_all(thread=False)'],
  ['eventlet', 'import eventlet; eventlet.monkey_patch(thread=False)'],
])('D20: what the hint for %s says works', async (_, patch) => {
  const home = habitat()
  const pool = poolOf(home, `${patch}\n${SYNC}`)
  await pool.start()
  const values = Array.from({ length: 50 }, (_, index) => index)
  expect(await Promise.all(values.map((value) => pool.call('echo', { value })))).toEqual(values)
  pool.kill('worker-1')
  expect(await Promise.all(values.map((value) => pool.call('echo', { value }, { idempotent: true })))).toEqual(values)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})
