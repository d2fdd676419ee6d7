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

test('the next run clears up after a host that was killed, grandchildren included', async () => {
  const home = habitat()
  const { host } = await started(home, [
    ['daemon', { seconds: 300 }],
    ['daemon', { seconds: 300 }],
  ])
  await eventually('the daemons run', () => home.marked().length === 4)
  const daemons = home.marked()
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('the workers are gone', () => home.marked().length === 2, PROMISE)
  const next = createPool({ ...home.common, name: 'next', python: TOOLS })
  await next.start()
  expect(home.marked().filter((pid) => daemons.includes(pid))).toEqual([])
  expect(next.stats.ready).toBe(1)
  await next.stop()
})
