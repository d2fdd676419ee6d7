import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { ROOT } from '../support/command.ts'
import { habitat, testPython, type Habitat } from '../support/terrarium.ts'
import { TRANSPORTS, type Transport } from '../support/transport.ts'
import { testUnless } from '../support/when.ts'

// The last release that spoke version 1 of the protocol, taken from the git history, against this host: one error that
// names both versions, and no restarts. A checkout without that history skips these tests, and is left with the rogue
// worker that speaks version 1.

const FIRST = '60eab1a5826aefadcd9ba3e44785ff6ab5692be3'
const has = spawnSync('git', ['cat-file', '-e', `${FIRST}^{commit}`], { cwd: ROOT }).status === 0
const testWithHistory = testUnless(has ? undefined : `this checkout has no commit ${FIRST.slice(0, 7)}`)

const HINT = 'Use the Node packages and the Python package of the same release'

afterEach(() => {
  delete process.env.TERRARIUM_PYTHON_FILES
})

/** Writes the Python package as it was; returns the folder that holds it. */
function firstRelease(home: Habitat): string {
  const archive = join(home.directory, 'first.tar')
  const commands = [
    ['git', '-C', ROOT, 'archive', `--output=${archive}`, FIRST, 'python/src/terrarium'],
    ['tar', '-C', home.directory, '-xf', archive],
  ]
  for (const [command = '', ...args] of commands) {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`the first release cannot be read from the history: ${stderr}`)
  }
  return join(home.directory, 'python', 'src')
}

const poolOf = (home: Habitat, transport: Transport, python = testPython()) =>
  createPool({
    ...home.common,
    python,
    name: 'versions',
    transport,
    tools: home.file('tools.py', 'from terrarium import tool\n@tool\ndef echo(value): return value\n'),
  })

testWithHistory('the files of the first release are refused before a worker is started from them', async () => {
  const home = habitat()
  const files = firstRelease(home)
  cpSync(join(ROOT, 'python', 'src', 'terrarium_shepherd'), join(files, 'terrarium_shepherd'), { recursive: true })
  process.env.TERRARIUM_PYTHON_FILES = files
  const pool = poolOf(home, 'socket')
  await expect(pool.start()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: 'this host speaks version 4 of the protocol, the Python package of the workers speaks 1',
    hint: expect.stringContaining(HINT),
  })
  expect(pool.stats.starts).toBe(0)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})

for (const transport of TRANSPORTS) {
  testWithHistory(`a worker of the first release that says Hello to a host of ${transport} is refused`, async () => {
    const home = habitat()
    home.expectedErrors.push(/^parked: /)
    const boot = join(firstRelease(home), 'terrarium', '_boot.py')
    // As its own host started it: one module, and no folder of the shepherd.
    const start = [
      'import json, os, sys',
      'boot = json.loads(os.environ["TERRARIUM_BOOT"])',
      'os.environ["TERRARIUM_BOOT"] = json.dumps({**boot, "module": boot["tools"][0]})',
      `os.execv(sys.executable, [sys.executable, "-u", ${JSON.stringify(boot)}, *sys.argv[3:-1]])`,
    ]
    mkdirSync(join(home.directory, 'bin'))
    const python = home.file(
      'bin/python',
      `#!/bin/sh
case "$*" in
*_boot.py*) exec '${testPython()}' '${home.file('start.py', start.join('\n'))}' "$@" ;;
"-I -S -c "*) echo "$0"; echo 3.12.0 ;;
*) exec '${testPython()}' "$@" ;;
esac
`,
    )
    chmodSync(python, 0o755)
    const pool = poolOf(home, transport, python)
    const error = await pool.start().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringMatching(
        /this host speaks version 4 of the protocol, the worker \(package 0\.1\.0\) speaks 1/,
      ),
      details: expect.objectContaining({ kind: 'protocol_mismatch' }),
    })
    expect(pool.stats.starts).toBeLessThanOrEqual(2)
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
  })
}
