import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, type PoolEvents } from '@terrarium/pool'
import { ROOT, run, type Ran } from '../support/command.ts'
import { habitat, testPython, type Habitat } from '../support/terrarium.ts'

const TALKER = `
import sys
from terrarium import tool

print("while imported")

@tool
def talk(text):
    print(text)
    print(text, file=sys.stderr)
    return len(text)

@tool
def die():
    import os
    os.kill(os.getpid(), 9)
`

/** Runs a script of a user's with a pool of default options. */
function script(home: Habitat, options: string, body: string): Promise<Ran> {
  const source = `
    import { createPool } from '@terrarium/pool'
    const pool = createPool({ name: 'p', tools: ${JSON.stringify(home.file('talker.py', TALKER))}, ${options} })
    await pool.start()
    ${body}
    await pool.stop()
  `
  const env = { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() }
  return run(process.execPath, ['--input-type=module', '--eval', source], { env, cwd: join(ROOT, 'test') })
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

test('D16: what tools print is on stderr, with the name of the worker, and stdout is the program’s own', async () => {
  const { code, stdout, stderr } = await script(
    habitat(),
    '',
    "console.log(await pool.call('talk', { text: 'hello' }))",
  )
  expect({ code, stdout }).toEqual({ code: 0, stdout: '5\n' })
  expect(lines(stderr).sort()).toEqual(['[p/worker-1] hello', '[p/worker-1] hello', '[p/worker-1] while imported'])
})

test('D16: `output: ignore` prints nothing, and the event tells it all the same', async () => {
  const { code, stdout, stderr } = await script(
    habitat(),
    "output: 'ignore'",
    `pool.on('worker.output', ({ worker, stream, line }) => { if (line === 'hello') console.log(worker, stream) })
     await pool.call('talk', { text: 'hello' })`,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(lines(stdout).sort()).toEqual(['worker-1 stderr', 'worker-1 stdout'])
})

test('D16: a log line has each key once, and an error with its message under `err`', async () => {
  const home = habitat()
  const { code, stderr } = await script(
    home,
    "output: 'log', backoff: { first: 10 }",
    `pool.on('worker.ready', () => { throw new Error('boom') })
     pool.kill()
     await pool.call('die').catch(({ code }) => console.log(code))
     await new Promise((resolve) => pool.on('worker.ready', resolve))
     await pool.call('talk', { text: 'hello' })`,
  )
  expect(code).toBe(0)
  const said = lines(stderr)
  for (const line of said) expect(JSON.stringify(JSON.parse(line))).toBe(line) // a key that comes twice is parsed once
  const parsed = said.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(parsed).toContainEqual(
    expect.objectContaining({ level: 40, msg: 'hello', worker: 'p/worker-1', stream: 'stderr', pool: 'p' }),
  )
  expect(parsed).toContainEqual(expect.objectContaining({ err: expect.objectContaining({ message: 'boom' }) }))
  for (const line of parsed) expect(line).not.toHaveProperty('error')
})

test('D16: with a logger of the application’s, stdout is logged at info and stderr at warn', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('talker.py', TALKER) })
  await pool.start()
  const pid = pool.workers[0]?.pid
  await pool.call('talk', { text: 'hello' })
  await pool.stop()
  const said = home.log.filter(({ msg }) => msg === 'hello')
  expect(said).toHaveLength(2)
  const common = { pool: 'p', worker: 'p/worker-1', workerPid: pid, pid: process.pid }
  expect(said).toContainEqual(expect.objectContaining({ ...common, level: 30, stream: 'stdout' }))
  expect(said).toContainEqual(expect.objectContaining({ ...common, level: 40, stream: 'stderr' }))
})

test('D16: the output of an exit handler is told before stop() has resolved, and nothing after it', async () => {
  const home = habitat()
  const tools = home.file(
    'late.py',
    'import atexit\nfrom terrarium import tool\natexit.register(print, "at the end")\n\n@tool\ndef noop(): pass\n',
  )
  const pool = createPool({ ...home.common, name: 'p', tools })
  const told: Parameters<PoolEvents['worker.output']>[0][] = []
  pool.on('worker.output', (output) => told.push(output))
  await pool.start()
  await pool.stop()
  const pid = told[0]?.pid
  expect(told).toEqual([{ worker: 'worker-1', pid, stream: 'stdout', line: 'at the end' }])
  expect(pid).toBeGreaterThan(1)
})

test('D16: `terrarium call` prints what a tool prints on stderr, and its result alone on stdout', async () => {
  const home = habitat()
  const cli = join(ROOT, 'packages', 'cli', 'bin', 'terrarium.mjs')
  const args = ['call', home.file('talker.py', TALKER), 'talk', '{"text": "hello"}']
  const env = { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() }
  const { code, stdout, stderr } = await run(process.execPath, [cli, ...args], { env })
  expect({ code, stdout }).toEqual({ code: 0, stdout: '5\n' })
  expect(lines(stderr).sort()).toEqual(['hello', 'hello', 'while imported'])
})
