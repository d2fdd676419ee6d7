import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { isTerrariumError, type TerrariumError } from '@terrarium/supervisor'
import { createPool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, testPython, TOOLS, type Habitat } from '../support/terrarium.ts'

/** Starts a pool of two workers that cannot start, and returns the error. */
async function failure(home: Habitat, options: Partial<PoolOptions>): Promise<TerrariumError> {
  home.expectedErrors.push(/parked/)
  const pool = createPool({ ...home.common, name: 'broken', tools: TOOLS, size: 2, ...options })
  const reason: unknown = await pool.start().then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isTerrariumError(reason)) throw new Error(`not refused: ${String(reason)}`)
  // A configuration error is never tried by a second spawn.
  expect(pool.stats.starts).toBeLessThanOrEqual(2)
  await pool.stop()
  expect(pool.stats.starts).toBeLessThanOrEqual(2)
  return reason
}

const HEADER = 'from terrarium import tool\n@tool\ndef t(): return 1\n'

test.each([
  ['a missing module', 'import nosuch_module\n', /nosuch_module/, /pip install nosuch_module/],
  ['a syntax error', 'def broken(:\n', /line 1|invalid syntax/, /./],
  ['a missing name', 'from os import nosuch_name\n', /nosuch_name/, /./],
  ['no tool', 'x = 1\n', /tool/, /@tool/],
  ['a duplicate tool', `${HEADER}@tool(name="t")\ndef u(): return 2\n`, /\bt\b/, /./],
])('14, 70: %s is a configuration error after one spawn a slot', async (_, source, message, hint) => {
  const home = habitat()
  const error = await failure(home, { tools: home.file('tools.py', source) })
  expect(error.code).toBe('CONFIGURATION')
  expect(error.message).toMatch(message)
  expect(error.hint).toMatch(hint)
})

test('a missing module that is imported two levels deep is named', async () => {
  const home = habitat()
  home.file('helper.py', 'import nosuch_inner\n')
  const error = await failure(home, { tools: home.file('tools.py', `import helper\n${HEADER}`) })
  expect(error).toMatchObject({ code: 'CONFIGURATION', details: { module: 'nosuch_inner' } })
})

test('a missing file is a configuration error', async () => {
  const home = habitat()
  const error = await failure(home, { tools: join(home.directory, 'absent.py') })
  expect(error.code).toBe('CONFIGURATION')
  expect(error.message).toContain('absent.py')
})

test.each([
  ['is not there', undefined, /there is no/],
  ['is not Python', '#!/bin/sh\necho hello\n', /Python interpreter/],
  ['ends in failure', '#!/bin/sh\nexit 3\n', /does not run/],
  ['is too old', '#!/bin/sh\necho /opt/python2\necho 2.7.18\n', /Python 2\.7\.18/],
])('1: an interpreter that %s is refused before anything starts', async (_, script, message) => {
  const home = habitat()
  const interpreter = join(home.directory, 'python')
  if (script !== undefined) {
    writeFileSync(interpreter, script)
    chmodSync(interpreter, 0o755)
  }
  const error = await failure(home, { python: interpreter })
  expect(error.code).toBe('CONFIGURATION')
  expect(error.message).toMatch(message)
  expect(error.hint).toContain('Correct the option `python`')
})

test('an interpreter that answers but never runs the bootstrap is a configuration error, even with status 0', async () => {
  const home = habitat()
  const interpreter = join(home.directory, 'python')
  writeFileSync(interpreter, `#!/bin/sh\ncase "$*" in *_boot.py*) exit 0;; esac\nexec '${testPython()}' "$@"\n`)
  chmodSync(interpreter, 0o755)
  // sys.executable is the path behind the shim, so the shim reports its own path.
  writeFileSync(
    interpreter,
    `#!/bin/sh\ncase "$*" in *_boot.py*) exit 0;; *sys.executable*) echo '${interpreter}'; echo 3.11.0;; *) exec '${testPython()}' "$@";; esac\n`,
  )
  const error = await failure(home, { python: interpreter })
  expect(error.code).toBe('CONFIGURATION')
  expect(error.message).toContain('without running the bootstrap')
})

test.each([
  ['sys.exit(0)', 'import sys\nsys.exit(0)\n'],
  ['os._exit(0)', 'import os\nos._exit(0)\n'],
])('I2: a module that ends the process with %s has failed to start', async (_, source) => {
  const home = habitat()
  home.expectedErrors.push(/parked/)
  const pool = createPool({
    ...home.common,
    name: 'quitter',
    tools: home.file('tools.py', source),
    backoff: { first: 0, base: 1, jitter: 'none' },
  })
  await expect(pool.start()).rejects.toMatchObject({ code: 'START_FAILED' })
  expect(pool.stats.starts).toBe(3) // the third identical failure before ready parks the worker
  await pool.stop()
})

test('calls are rejected at once while the pool is parked, and it heals by itself when the module appears', async () => {
  const home = habitat()
  home.expectedErrors.push(/parked/)
  const pool = createPool({
    ...home.common,
    name: 'text',
    tools: home.file('tools.py', `import late\n${HEADER}`),
    size: 2,
  })
  const parked: string[] = []
  pool.on('worker.parked', ({ worker }) => parked.push(worker))
  const early = pool.start()
  const waiting = pool.call('t')
  await expect(early).rejects.toMatchObject({ code: 'CONFIGURATION', details: { module: 'late' } })
  await expect(waiting).rejects.toMatchObject({ code: 'PARKED', cause: { code: 'CONFIGURATION' } })
  await eventually('both are parked', () => parked.length === 2)
  await expect(pool.call('t')).rejects.toMatchObject({ code: 'PARKED', details: { pool: 'text' } })
  expect(pool.stats.starts).toBe(2)
  expect(home.workers()).toEqual([])

  home.file('late.py', '')
  await eventually('both workers are ready', () => pool.stats.ready === 2)
  expect(pool.status).toBe('running')
  expect(await pool.call('t')).toBe(1)
  expect(pool.stats.starts).toBe(4) // one worker as a probe, and the other slot once the probe was ready
  await pool.stop()
})
