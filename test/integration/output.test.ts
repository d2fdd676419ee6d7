import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { createPool, type WorkerOutput } from '@terrarium/pool'
import { pino } from 'pino'
import { ROOT, run } from '../support/command.ts'
import { habitat, testPython, type Habitat } from '../support/terrarium.ts'

// What tools print, and where a user finds it.

const PRINTS = `
import os, sys
from terrarium import tool

@tool
def say() -> int:
    print("hello")
    print("grüß ✓", file=sys.stderr)
    os.write(1, b"not utf-8: \\xff\\n")
    subprocess = os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "echo from a child; echo without an end >&2")
    return os.getpid()

@tool
def die() -> None:
    print("last words", flush=True)
    os._exit(3)
`

/** A host as a user writes it: the tools print, a worker dies, the pool is stopped. `options`: source text. */
async function hostOf(home: Habitat, options: string): Promise<{ stdout: string; stderr: string; code: unknown }> {
  const script = `
    import { createPool } from '@terrarium/pool'
    import { pino } from 'pino'
    const [tools, python, stateDir] = process.argv.slice(1)
    const pool = createPool({ name: 'p', tools, python, stateDir, ${options} })
    await pool.start()
    await pool.call('say')
    await pool.call('die').catch(() => undefined)
    await pool.stop()
    console.error('stopped')
  `
  const args = ['--input-type=module', '-e', script, home.file('prints.py', PRINTS), testPython(), home.stateDir]
  const child = spawn(process.execPath, args, { cwd: fileURLToPath(new URL('..', import.meta.url)) })
  const exited = once(child, 'exit') as Promise<unknown[]>
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { stdout, stderr, code }
}

const SAID = ['hello', 'not utf-8: \ufffd', 'from a child', 'last words']
const TO_STDERR = ['grüß ✓', 'without an end']

test('D16: without options what tools print is on standard error, with the name of its worker', async () => {
  const { stdout, stderr, code } = await hostOf(habitat(), '')
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  const lines = stderr.trimEnd().split('\n')
  const ofWorker = lines.filter((line) => line.startsWith('[p/worker-1] '))
  expect(ofWorker.sort()).toEqual([...SAID, ...TO_STDERR].map((line) => `[p/worker-1] ${line}`).sort())
  // Nothing is printed after stop().
  expect(lines.at(-1)).toBe('stopped')
  expect(lines.filter((line) => line.includes('"level":50'))).toEqual([])
})

test('D16: with a logger output is logged, each key once, and errors with their fields', async () => {
  const { stdout, stderr, code } = await hostOf(habitat(), "logger: pino({ level: 'debug' })")
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'stopped\n' })
  const raw = stdout.trimEnd().split('\n')
  // JSON.parse drops a key that is there twice.
  expect(raw.map((line) => JSON.stringify(JSON.parse(line)))).toEqual(raw)
  const lines = raw.map((line) => JSON.parse(line) as Record<string, unknown>)
  const printed = lines.filter(({ stream }) => stream !== undefined)
  expect(printed.map(({ msg }) => msg).sort()).toEqual([...SAID, ...TO_STDERR].sort())
  for (const { msg, stream, level, worker, workerPid, pid } of printed) {
    const isError = TO_STDERR.includes(String(msg))
    expect({ msg, stream, level, worker }).toEqual({
      msg,
      stream: isError ? 'stderr' : 'stdout',
      level: isError ? 40 : 30,
      worker: 'p/worker-1',
    })
    expect(workerPid).toEqual(expect.any(Number))
    expect(pid).not.toBe(workerPid)
  }
  expect(lines.filter((line) => 'error' in line)).toEqual([])
  const errors = lines.flatMap(({ err }) => (err === undefined ? [] : [err as object]))
  for (const err of errors) expect(err).toMatchObject({ message: expect.any(String), stack: expect.any(String) })
  expect(lines.some(({ level, msg }) => Number(level) >= 40 && /exit status 3/.test(String(msg)))).toBe(true)
})

test('D16: with output ignore nothing is printed', async () => {
  const { stdout, stderr, code } = await hostOf(habitat(), "output: 'ignore', logger: pino({ level: 'silent' })")
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: 'stopped\n' })
})

test('D16: listeners for worker.output get each line, whether it is printed, logged or ignored', async () => {
  const home = habitat()
  const tools = home.file('prints.py', PRINTS)
  const logger = pino({ level: 'silent' })
  const pool = createPool({ ...home.common, name: 'p', tools, output: 'ignore', logger })
  const told: WorkerOutput[] = []
  pool.on('worker.output', (output) => told.push(output))
  await pool.start()
  const pid = pool.workers[0]?.pid
  await pool.call('say')
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  expect(told.map(({ stream, line }) => `${stream} ${line}`).sort()).toEqual(
    [...SAID.slice(0, 3).map((line) => `stdout ${line}`), ...TO_STDERR.map((line) => `stderr ${line}`)].sort(),
  )
  for (const output of told) expect(output).toMatchObject({ worker: 'worker-1', pid })
})

test('83, D16: a second running pool of the same name gives one warning, with a hint', async () => {
  const home = habitat()
  const tools = home.file('prints.py', PRINTS)
  const pools = [1, 2, 3].map(() => createPool({ ...home.common, name: 'reloaded', tools }))
  const warnings = (): unknown[] => home.log.filter(({ msg }) => msg.includes('another pool named reloaded'))
  for (const [index, pool] of pools.entries()) {
    await pool.start()
    expect(warnings()).toHaveLength(index === 0 ? 0 : 1)
  }
  expect(warnings()).toMatchObject([{ level: 40, hint: expect.stringContaining('globalThis.pool ??= createPool') }])
  for (const pool of pools) expect(await pool.stop()).toEqual({ processesLeft: 0 })
  // Two pools one after the other give no warning.
  for (const name of ['one', 'one']) {
    const pool = createPool({ ...home.common, name, tools })
    await pool.start()
    await pool.stop()
  }
  expect(home.log.filter(({ msg }) => msg.includes('another pool named one'))).toEqual([])
})

test('D16: the output of an exit handler is reported before stop() resolves, and nothing after it', async () => {
  const home = habitat()
  const tools = home.file(
    'late.py',
    'import atexit\nfrom terrarium import tool\natexit.register(print, "at the end")\n\n@tool\ndef noop(): pass\n',
  )
  const pool = createPool({ ...home.common, name: 'p', tools })
  const told: WorkerOutput[] = []
  pool.on('worker.output', (output) => told.push(output))
  await pool.start()
  await pool.stop()
  const pid = told[0]?.pid
  expect(told).toEqual([{ worker: 'worker-1', pid, stream: 'stdout', line: 'at the end' }])
  expect(pid).toBeGreaterThan(1)
})

const TALKER = `
import sys
from terrarium import tool

print("while imported")

@tool
def talk(text):
    print(text)
    print(text, file=sys.stderr)
    return len(text)
`

test('D16: `terrarium call` prints what a tool prints on stderr, and its result alone on stdout', async () => {
  const home = habitat()
  const cli = join(ROOT, 'packages', 'cli', 'bin', 'terrarium.mjs')
  const args = ['call', home.file('talker.py', TALKER), 'talk', '{"text": "hello"}']
  const env = { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() }
  const { code, stdout, stderr } = await run(process.execPath, [cli, ...args], { env })
  expect({ code, stdout }).toEqual({ code: 0, stdout: '5\n' })
  expect(stderr.trimEnd().split('\n').sort()).toEqual(['hello', 'hello', 'while imported'])
})
