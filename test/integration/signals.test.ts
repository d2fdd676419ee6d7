import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, isAlive, stateOf, testPython, TOOLS, type Habitat } from '../support/terrarium.ts'

const HOST = fileURLToPath(new URL('../support/draining-host.mjs', import.meta.url))

const hosts: ChildProcess[] = []
afterEach(() => {
  for (const host of hosts.splice(0)) if (host.exitCode === null && host.signalCode === null) host.kill('SIGKILL')
})

type News = Readonly<Record<string, unknown>>

interface Draining {
  readonly host: ChildProcess
  readonly facts: News
  /** All that the host has printed. */
  readonly news: News[]
  /** Host, shepherd, guard process, workers, and a kept program: what a service manager signals. */
  processes(): number[]
  /** Resolves with its exit status or signal. */
  readonly ended: Promise<unknown[]>
}

interface Plan {
  readonly call: readonly [tool: string, args: object]
  readonly signals?: readonly string[]
  readonly options?: object
  readonly program?: string
  readonly tools?: string
}

/** Starts a host whose call has begun. */
async function draining(home: Habitat, { tools = TOOLS, options, ...plan }: Plan): Promise<Draining> {
  const common = { name: 'draining', tools, size: 2, python: testPython(), stateDir: home.stateDir }
  const host = spawn(process.execPath, [HOST, JSON.stringify({ ...plan, options: { ...common, ...options } })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  hosts.push(host)
  const news: News[] = []
  const lines = createInterface({ input: host.stdout })
  lines.on('line', (line) => news.push(JSON.parse(line) as News))
  const ended = once(host, 'exit')
  await eventually('it has begun', () => news.length > 0 || host.exitCode !== null)
  const [facts = {}] = news
  expect((facts['workers'] as number[]).every(isAlive)).toBe(true)
  const processes = (): number[] => [...new Set([host.pid ?? 0, ...home.marked()])]
  return { host, facts, news, processes, ended }
}

const all = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) process.kill(pid, signal)
}

/** A tool, and an exit handler that leaves a file. `more`: what the handler does first. */
const withExitHandler = (home: Habitat, more = ''): string =>
  home.file(
    'tools.py',
    `import atexit, os, time
from terrarium import tool

def bye():
    ${more || 'pass'}
    open(${JSON.stringify(join(home.directory, 'bye-'))} + os.environ["TERRARIUM_SPAWN"].rpartition("-")[2], "x").close()
atexit.register(bye)

@tool
def sleep(seconds: float, begun: str) -> str:
    open(begun, "x").close()
    time.sleep(seconds)
    return "slept"
`,
  )

/** The number of workers that have run their exit handlers. */
const byes = (home: Habitat): number => readdirSync(home.directory).filter((name) => name.startsWith('bye-')).length

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)(
  'D3: %s to all processes: the call in flight is answered, exit handlers run, nothing is left',
  async (signal) => {
    const home = habitat()
    const begun = join(home.directory, 'begun')
    const plan = { call: ['sleep', { seconds: 1, begun }], signals: [signal], tools: withExitHandler(home) } as const
    const drained = await draining(home, plan)
    await eventually('the call is under way', () => existsSync(begun))
    all(drained.processes(), signal)
    expect(await drained.ended).toEqual([0, null])
    expect(drained.news.slice(1)).toEqual([
      { signalled: true },
      { value: 'slept' },
      { processesLeft: 0, crashes: 0, starts: 0 },
    ])
    expect(byes(home)).toBe(2)
  },
)

test('D3: SIGTSTP to all processes stops the host, and its workers work on', async () => {
  const home = habitat()
  const begun = join(home.directory, 'begun')
  const go = join(home.directory, 'go')
  const drained = await draining(home, { call: ['touch_when', { begun, go }] })
  await eventually('the call is under way', () => existsSync(begun))
  all(drained.processes(), 'SIGTSTP')
  process.kill(drained.host.pid ?? 0, 'SIGSTOP')
  await eventually('the host is stopped', () => stateOf(drained.host.pid ?? 0) === 'T')
  home.file('go', '')
  await eventually('the tool has gone on', () => existsSync(`${go}.seen`))
  all(drained.processes(), 'SIGCONT')
  await eventually('the call is answered', () => drained.news.some(({ value }) => value === 'seen'))
  drained.host.kill('SIGTERM')
  expect(await drained.ended).toEqual([0, null])
})

test('D3: signals that the host ignores change nothing', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'steady', tools: TOOLS, size: 2 })
  await pool.start()
  const before = home.marked().sort()
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGTSTP'] as const) {
    all(before, signal)
    expect(await Promise.all([1, 2, 3, 4].map((value) => pool.call('echo', { value })))).toEqual([1, 2, 3, 4])
  }
  expect(home.marked().sort()).toEqual(before)
  expect(pool.stats).toMatchObject({ starts: 2, crashes: 0 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})

test('D3: a kept server that died of the signal is not started again while the host drains', async () => {
  const home = habitat()
  const begun = join(home.directory, 'begun')
  const plan = { call: ['sleep', { seconds: 2, begun }], program: 'echo up; exec sleep 600' } as const
  const drained = await draining(home, plan)
  const server = Number(drained.facts['program'])
  expect(isAlive(server)).toBe(true)
  await eventually('the call is under way', () => existsSync(begun))
  all(drained.processes(), 'SIGTERM')
  expect(await drained.ended).toEqual([0, null])
  expect(drained.news.slice(1)).toEqual([
    { signalled: true },
    { value: 'slept' },
    { processesLeft: 0, crashes: 0, starts: 1 },
  ])
})

test.each([
  ['with time enough', 20_000, 1],
  ['without', 300, 0],
])('a worker has the grace in the options of its pool: %s', async (_, grace, expected) => {
  const home = habitat()
  const tools = withExitHandler(home, 'time.sleep(3)')
  const pool = createPool({ ...home.common, name: 'graceful', tools, grace })
  await pool.start()
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  expect(byes(home)).toBe(expected)
})

test('a wrong grace is refused', () => {
  const options = { name: 'graceful', tools: TOOLS }
  for (const grace of [-1, 1.5, '5', Number.NaN, 2 ** 31]) {
    expect(() => createPool({ ...options, grace: grace as number })).toThrow(/grace must be .* from 0 to 2147480647/)
  }
})

const STARTS_OTHERS = `
import multiprocessing, os, subprocess, sys, time
from terrarium import tool

@tool
def popen() -> int:
    process = subprocess.Popen(["sleep", "600"])
    process.terminate()
    return process.wait(20)

@tool
def process(method: str) -> int:
    process = multiprocessing.get_context(method).Process(target=time.sleep, args=(600,))
    process.start()
    process.terminate()
    process.join(20)
    return process.exitcode

@tool
def forked_program() -> int:
    pid = os.fork()
    if pid == 0:
        os.execvp("sleep", ["sleep", "600"])
    os.kill(pid, 15)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
`

test('D3: terminate() in a tool ends the processes that the tool has started', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'mother', tools: home.file('others.py', STARTS_OTHERS) })
  await pool.start()
  expect(await pool.call('popen')).toBe(-15)
  expect(await pool.call('forked_program')).toBe(-15)
  for (const method of ['fork', 'spawn', 'forkserver']) expect(await pool.call('process', { method })).toBe(-15)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})
