import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, isAlive, testPython, TOOLS, type Habitat } from '../support/terrarium.ts'

const HOST = fileURLToPath(new URL('../support/host.mjs', import.meta.url))
/** The promise: this long after the host was killed nothing is left, in ms. */
const PROMISE = 2_000

const hosts: ChildProcess[] = []
afterEach(() => {
  for (const host of hosts.splice(0)) if (host.exitCode === null && host.signalCode === null) host.kill('SIGKILL')
})

type Calls = [tool: string, args: object][]

function launch(home: Habitat, calls: Calls): ChildProcess {
  const options = { name: 'doomed', python: TOOLS, size: 2, interpreter: testPython(), stateDir: home.stateDir }
  const host = spawn(process.execPath, [HOST, JSON.stringify({ options, calls })], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, XDG_RUNTIME_DIR: home.directory }, // a killed host cannot remove its folder
  })
  hosts.push(host)
  return host
}

/** Starts a host with two workers that are ready and, once the calls are under way, answers their pids. */
async function started(home: Habitat, calls: Calls): Promise<{ host: ChildProcess; pids: number[] }> {
  const host = launch(home, calls)
  if (host.stdout === null) throw new Error('no stdout')
  const [line] = (await once(host.stdout, 'data')) as [Buffer]
  const pids = JSON.parse(line.toString()) as number[]
  expect(pids).toHaveLength(2)
  expect(pids.every(isAlive)).toBe(true)
  return { host, pids }
}

test.each<[string, string[]]>([
  ['idle', []],
  ['mid-call', ['sleep', 'busy']],
  ['with the GIL held', ['hold_gil', 'hold_gil']],
])('a host that is SIGKILLed %s leaves no worker after two seconds', async (_, tools) => {
  const home = habitat()
  const marks = tools.map((_tool, n) => join(home.directory, `begun-${n}`))
  const { host } = await started(
    home,
    tools.map((tool, n) => [tool, { seconds: 60, begun: marks[n] }]),
  )
  await eventually('the calls are under way', () => marks.every((mark) => existsSync(mark)))
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('no process is left', () => home.marked().length === 0, PROMISE)
})

test('a host that is SIGKILLed while its workers are stopped leaves none', async () => {
  const home = habitat()
  const { host, pids } = await started(home, [])
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('no process is left', () => home.marked().length === 0, PROMISE)
})

test('a host that is SIGKILLed at any moment of its start leaves none', async () => {
  const home = habitat()
  for (const delay of [40, 80, 120, 160, 200, 240, 280, 320]) {
    const host = launch(home, [])
    await new Promise((resolve) => setTimeout(resolve, delay))
    host.kill('SIGKILL')
    await once(host, 'exit')
    await eventually('no process is left', () => home.marked().length === 0, PROMISE)
  }
})

test('a host that is SIGKILLed takes the daemons of its workers along', async () => {
  const { home, host } = await withDaemons()
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('no process is left', () => home.marked().length === 0, PROMISE)
})

test('the next run clears up after a host that was killed with its shepherd', async () => {
  const { home, host, daemons } = await withDaemons()
  // Neither gets to do anything about it.
  host.kill('SIGSTOP')
  for (const shepherd of home.shepherds()) process.kill(shepherd, 'SIGKILL')
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('the workers are gone', () => home.marked().length === 2, PROMISE)
  expect(home.marked().filter((pid) => daemons.includes(pid))).toHaveLength(2)
  const next = createPool({ ...home.common, name: 'next', python: TOOLS })
  await next.start()
  expect(home.marked().filter((pid) => daemons.includes(pid))).toEqual([])
  expect(next.stats.ready).toBe(1)
  await next.stop()
})

async function withDaemons(): Promise<{ home: Habitat; host: ChildProcess; daemons: number[] }> {
  const home = habitat()
  const { host, pids } = await started(home, [
    ['daemon', { seconds: 300 }],
    ['daemon', { seconds: 300 }],
  ])
  await eventually('the daemons run', () => home.workers().length === 4)
  return { home, host, daemons: home.workers().filter((pid) => !pids.includes(pid)) }
}

test('when the shepherd is killed its workers die, their calls fail, and the pool is refilled by a new one', async () => {
  const home = habitat()
  home.expectedErrors.push(/the shepherd has died/)
  const pool = createPool({ ...home.common, name: 'refilled', python: TOOLS, size: 4 })
  await pool.start()
  const [shepherd = 0, ...more] = home.shepherds()
  expect(more).toEqual([])
  const before = home.workers()
  expect(before).toHaveLength(4)
  const begun = join(home.directory, 'begun')
  const call = pool.call('sleep', { seconds: 60, begun }).catch((error: unknown) => error)
  await eventually('the call has begun', () => existsSync(begun))

  process.kill(shepherd, 'SIGKILL')
  expect(await call).toMatchObject({ code: 'WORKER_CRASHED' })
  await eventually('all are ready again', () => pool.stats.ready === 4)
  expect(home.workers().filter((pid) => before.includes(pid))).toEqual([])
  expect(home.shepherds()).not.toEqual([shepherd])
  expect(await pool.call('echo', { value: 1 })).toBe(1)
  expect(pool.stats).toMatchObject({ starts: 8, crashes: 4 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})
