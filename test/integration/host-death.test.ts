import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, isAlive, testPython, TOOLS, type Habitat } from '../support/terrarium.ts'
import { CONTAINMENTS, testUnless, withoutContainments } from '../support/when.ts'

const HOST = fileURLToPath(new URL('../support/host.mjs', import.meta.url))
/** The promise: so many ms after the host was killed no process is left. */
const PROMISE = 2_000

const hosts: ChildProcess[] = []
afterEach(() => {
  for (const host of hosts.splice(0)) if (host.exitCode === null && host.signalCode === null) host.kill('SIGKILL')
})

type Calls = [tool: string, args: object][]

function launch(home: Habitat, calls: Calls, env: Record<string, string> = {}): ChildProcess {
  const options = { name: 'doomed', tools: TOOLS, size: 2, python: testPython(), stateDir: home.stateDir }
  const host = spawn(process.execPath, [HOST, JSON.stringify({ options, calls })], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // because a killed host cannot remove its runtime directory
    env: { ...process.env, ...env, XDG_RUNTIME_DIR: home.directory },
  })
  hosts.push(host)
  return host
}

/** Starts a host with two ready workers. Returns their pids once the calls are under way. */
async function started(
  home: Habitat,
  calls: Calls,
  env?: Record<string, string>,
): Promise<{ host: ChildProcess; pids: number[] }> {
  const host = launch(home, calls, env)
  if (host.stdout === null) throw new Error('no stdout')
  const [line] = (await once(host.stdout, 'data')) as [Buffer]
  const pids = JSON.parse(line.toString()) as number[]
  expect(pids).toHaveLength(2)
  expect(pids.every(isAlive)).toBe(true)
  return { host, pids }
}

test('D4: a pool starts although TMPDIR names a missing folder', async () => {
  const home = habitat()
  const { host } = await started(home, [], { TMPDIR: join(home.directory, 'nowhere') })
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('no process is left', () => home.marked().length === 0, PROMISE)
})

test.each<[string, string[]]>([
  ['idle', []],
  ['mid-call', ['sleep', 'busy']],
  ['with the GIL held', ['hold_gil', 'hold_gil']],
])('35, I1: a host that is SIGKILLed %s leaves no worker after two seconds', async (_, tools) => {
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

test('a host that is SIGKILLed while its workers are stopped leaves no worker', async () => {
  const home = habitat()
  const { host, pids } = await started(home, [])
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('no process is left', () => home.marked().length === 0, PROMISE)
})

test('I1, F5: a host that is SIGKILLed at any moment of its start leaves no worker', async () => {
  const home = habitat()
  // The moment is given by the number of its processes, and a delay in ms: time alone does not tell how far the start
  // has come.
  const moments = [0, 1, 2, 3].flatMap((processes) => [0, 20, 80].map((delay) => ({ processes, delay })))
  const seen: number[] = []
  for (const { processes, delay } of moments) {
    const host = launch(home, [])
    await eventually(`${processes} processes have begun`, () => home.marked().length >= processes)
    await new Promise((resolve) => setTimeout(resolve, delay))
    seen.push(home.marked().length)
    host.kill('SIGKILL')
    await once(host, 'exit')
    await eventually('no process is left', () => home.marked().length === 0, PROMISE)
  }
  // Only rounds with processes prove something; each stage of the start must have had such rounds.
  expect(seen.filter((count) => count > 0).length).toBeGreaterThanOrEqual(9)
  expect(new Set(seen).size).toBeGreaterThanOrEqual(3)
})

test('daemons of workers end when their host is SIGKILLed', async () => {
  const { home, host } = await withDaemons('auto')
  host.kill('SIGKILL')
  await once(host, 'exit')
  await eventually('no process is left', () => home.marked().length === 0, PROMISE)
})

const lacks = await withoutContainments()
const contained =
  'a host that is SIGKILLed with its shepherd takes the daemons of its workers along, where the kernel contains them'
testUnless(lacks.pidns && lacks.cgroup)(contained, async () => {
  const { home, host, shepherds } = await withDaemons('auto')
  expect(shepherds).toHaveLength(2)
  await killTogether(host, shepherds)
  await eventually('no process is left', () => home.marked().length === 0, PROMISE)
})

for (const level of CONTAINMENTS) {
  const together = `D12: host, guard process and shepherd are killed together, and no fork of a tool survives, at level ${level}`
  testUnless(lacks[level])(together, async () => {
    const home = habitat()
    const calls: Calls = [
      ['fork', { seconds: 300 }],
      ['child', { seconds: 300 }],
    ]
    const { host, pids } = await started(home, calls, { TERRARIUM_CONTAINMENT: level })
    await eventually('the forks run', () => home.workers().length === 4)
    const family = home.workers()
    expect(family).toEqual(expect.arrayContaining(pids))
    await killTogether(host, home.shepherds())
    // A process that is exiting has lost its rlimit tag and exists for another moment.
    await eventually('none is left', () => home.marked().length === 0 && !family.some(isAlive), PROMISE)
  })
}

test('15: the next run ends what a host has left that was killed with its shepherd', async () => {
  const { home, host, shepherds, daemons } = await withDaemons('shepherd')
  await killTogether(host, shepherds)
  await eventually('the workers are gone', () => home.marked().length === 2, PROMISE)
  expect(home.marked().filter((pid) => daemons.includes(pid))).toHaveLength(2)
  const next = createPool({ ...home.common, name: 'next', tools: TOOLS })
  await next.start()
  expect(home.marked().filter((pid) => daemons.includes(pid))).toEqual([])
  expect(next.stats.ready).toBe(1)
  await next.stop()
})

/** A host whose two workers have started a daemon each. */
async function withDaemons(containment: string) {
  const home = habitat()
  const calls: Calls = [
    ['daemon', { seconds: 300 }],
    ['daemon', { seconds: 300 }],
  ]
  const { host, pids } = await started(home, calls, { TERRARIUM_CONTAINMENT: containment })
  await eventually('the daemons run', () => home.workers().length === 4)
  const daemons = home.workers().filter((pid) => !pids.includes(pid))
  return { home, host, shepherds: home.shepherds(), daemons }
}

/** Kills both in one moment, so that neither can react to the exit of the other. */
async function killTogether(host: ChildProcess, shepherds: readonly number[]): Promise<void> {
  const pids = [host.pid ?? 0, ...shepherds]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  await eventually('they are stopped', () =>
    pids.every((pid) => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))),
  )
  // The host last: the kernel continues stopped processes whose parent has exited.
  for (const pid of pids.reverse()) process.kill(pid, 'SIGKILL')
  await once(host, 'exit')
}

test('when the shepherd is killed its workers die, their calls fail, and a new shepherd starts the successors', async () => {
  const home = habitat()
  home.expectedErrors.push(/the shepherd has died/)
  const pool = createPool({ ...home.common, name: 'refilled', tools: TOOLS, size: 4 })
  await pool.start()
  const shepherds = home.shepherds()
  expect([1, 2]).toContain(shepherds.length)
  const before = home.workers()
  expect(before).toHaveLength(4)
  const begun = join(home.directory, 'begun')
  const call = pool.call('sleep', { seconds: 60, begun }).catch((error: unknown) => error)
  await eventually('the call has begun', () => existsSync(begun))

  process.kill(shepherds.at(-1) ?? 0, 'SIGKILL')
  expect(await call).toMatchObject({ code: 'WORKER_CRASHED' })
  await eventually('all are ready again', () => pool.stats.ready === 4)
  expect(home.workers().filter((pid) => before.includes(pid))).toEqual([])
  expect(home.shepherds().filter((pid) => shepherds.includes(pid))).toEqual([])
  expect(await pool.call('echo', { value: 1 })).toBe(1)
  expect(pool.stats).toMatchObject({ starts: 8, crashes: 4 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})
