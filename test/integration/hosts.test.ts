import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { makeMemoryGroup } from '../support/memory-group.ts'
import { eventually, habitat, isAlive, testPython, type Habitat } from '../support/terrarium.ts'
import { testUnless } from '../support/when.ts'

// What other programs do to hosts, to their folders, and to their memory.

async function poolOf(home: Habitat, tools: string, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'guest', tools: home.file('guest.py', tools), ...options })
  await pool.start()
  return pool
}

const SHARES = `
from multiprocessing import shared_memory
import os, signal, time
from terrarium import tool

held = []

@tool
def share() -> str:
    memory = shared_memory.SharedMemory(create=True, size=4096)
    held.append(memory)
    return memory.name

@tool
def die(code: int):
    os._exit(code)

@tool
def pid() -> int:
    return os.getpid()
`

test.each(['an orderly stop', 'a crash', 'a kill'])('D5: no shared memory is left after %s', async (how) => {
  const home = habitat()
  const pool = await poolOf(home, SHARES)
  const segments = [await pool.call<string>('share'), await pool.call<string>('share')]
  const there = (): string[] => segments.filter((name) => existsSync(join('/dev/shm', name)))
  expect(there()).toEqual(segments)
  if (how === 'a crash') await expect(pool.call('die', { code: 3 })).rejects.toMatchObject({ code: 'WORKER_CRASHED' })
  if (how === 'a kill') pool.kill('worker-1')
  if (how !== 'an orderly stop') await eventually('the next worker is there', () => pool.stats.starts === 2)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  expect(there()).toEqual([])
})

const ECHO = 'from terrarium import tool\n@tool\ndef echo(value): return value\n'

test('a worker holds no file of its host open, as the log that LevelDB leaves open for children', async () => {
  const home = habitat()
  const pool = await poolOf(home, ECHO)
  const filesOf = (pid: number): string[] =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
      } catch {
        return [] // it was closed meanwhile
      }
    })
  const isOfLog = (path: string): boolean => path.startsWith(home.directory) && path.includes('/log/')
  expect(filesOf(process.pid).filter(isOfLog).length).toBeGreaterThan(0)
  expect(filesOf(pool.workers[0]?.pid ?? 0).filter(isOfLog)).toEqual([])
  await pool.stop()
})

/** The names of the runtime directories in a habitat. */
const socketsOf = (home: Habitat): string[] =>
  readdirSync(home.directory).filter((name) => name.startsWith('terrarium-'))

test.each(['the socket', 'the folder', 'the folder, and that of the run'])(
  'D2: a pool is refilled though %s is removed',
  async (what) => {
    const home = habitat()
    const before = process.env['XDG_RUNTIME_DIR']
    process.env['XDG_RUNTIME_DIR'] = home.directory
    try {
      const pool = await poolOf(home, ECHO)
      for (let round = 1; round <= 3; round++) {
        for (const name of socketsOf(home)) {
          const folder = join(home.directory, name)
          const sockets = existsSync(folder) ? readdirSync(folder) : []
          expect(sockets.length).toBeGreaterThan(0)
          for (const socket of sockets) rmSync(join(folder, socket))
          if (what !== 'the socket') rmSync(folder, { recursive: true })
        }
        if (what.endsWith('run')) rmSync(join(home.stateDir, 'runs'), { recursive: true })
        // Processes that run already do not need the name.
        expect(await pool.call('echo', { value: round })).toBe(round)
        pool.kill('worker-1')
        await eventually('the next worker is there', () => pool.stats.ready === 1 && pool.stats.starts === round + 1)
        expect(await pool.call('echo', { value: round })).toBe(round)
      }
      expect(await pool.stop()).toEqual({ processesLeft: 0 })
      expect(socketsOf(home)).toEqual([])
    } finally {
      if (before === undefined) delete process.env['XDG_RUNTIME_DIR']
      else process.env['XDG_RUNTIME_DIR'] = before
    }
  },
)

const GROWS = `
from terrarium import tool

@tool
def grow():
    held = []
    while True:
        held.append(bytearray(b"x" * (1 << 20)))

@tool
def echo(value):
    return value
`

/** The memory limit: enough for a host, its shepherd and its workers, and no more. */
const LIMIT = 400 * 2 ** 20
const group = makeMemoryGroup(LIMIT)
if (typeof group !== 'string') await group.remove()

testUnless(typeof group === 'string' ? group : undefined)(
  'D18: when memory is short the kernel kills a worker, not its host or its shepherd, and the error says so',
  async () => {
    const home = habitat()
    const made = makeMemoryGroup(LIMIT)
    if (typeof made === 'string') throw new Error(made)
    // A host that has grown: without oom_score_adj the kernel would kill the largest process.
    const script = `
      import { createPool } from '@terrarium/pool'
      const ballast = Buffer.alloc(180 * 2 ** 20, 1)
      const pool = createPool(JSON.parse(process.argv[1]))
      await pool.start()
      const say = (news) => console.log(JSON.stringify(news))
      for (let round = 0; round < 2; round++) {
        const { code, message, cause } = await pool.call('grow').catch((error) => error)
        say({ code, message, hint: cause?.hint, memory: cause?.details.memory })
      }
      while (pool.stats.ready < 2) await new Promise((resolve) => setTimeout(resolve, 10))
      say({ echo: await pool.call('echo', { value: ballast.length }), crashes: pool.stats.crashes })
      say(await pool.stop())
    `
    const options = {
      name: 'crowded',
      tools: home.file('grows.py', GROWS),
      size: 2,
      python: testPython(),
      stateDir: home.stateDir,
    }
    const host = spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(options)], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      made.admit(host.pid ?? 0)
      const news: Record<string, unknown>[] = []
      for await (const line of createInterface({ input: host.stdout })) news.push(JSON.parse(line) as (typeof news)[0])
      const memory = { kills: expect.any(Number) as unknown, cgroup: made.path, limit: LIMIT }
      const died = {
        code: 'WORKER_CRASHED',
        message: expect.stringMatching(
          /signal SIGKILL; memory was short: the kernel killed 1 process of the control group/,
        ) as unknown,
        hint: expect.stringContaining('Raise the memory limit') as unknown,
        memory,
      }
      expect(news).toEqual([died, died, { echo: 180 * 2 ** 20, crashes: 2 }, { processesLeft: 0 }])
    } finally {
      host.kill('SIGKILL')
      await eventually('no process is left', () => home.marked().length === 0)
      await made.remove()
    }
  },
)

test('D18: the kernel kills workers and their descendants before host and shepherd when memory is short', async () => {
  const home = habitat()
  const tools = `
import subprocess
from terrarium import tool
@tool
def child() -> None:
    subprocess.Popen(["sleep", "600"])
`
  const pool = await poolOf(home, tools)
  await pool.call('child')
  await eventually('the child runs', () => home.workers().length === 2)
  const adjustment = (pid: number | string): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'))
  expect(home.workers().map(adjustment)).toEqual([1000, 1000])
  expect(home.shepherds().map(adjustment)).toEqual(home.shepherds().map(() => adjustment('self')))
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  expect(home.workers().filter(isAlive)).toEqual([])
})
