import { existsSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { readIdentity } from '@terrarium/process'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'

/** Each test guards one rule of the README, and fails when one line of the source breaks that rule. */
const RULES = `
import asyncio, os, time
from terrarium import tool

def write(path, line):
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\\n")

@tool
async def between(path: str, name: str, gate: str) -> str:
    """Says when it begins and ends; waits for the gate in between."""
    write(path, "begin " + name)
    while not os.path.exists(gate):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    write(path, "end " + name)
    return name

@tool
def hold(seconds: float, begun: str) -> str:
    write(begun, "begun")
    time.sleep(seconds)
    return "held"

@tool
def note(path: str, name: str) -> None:
    write(path, name)

@tool
def spawn() -> str:
    return os.environ["TERRARIUM_SPAWN"].rpartition(":")[2]
`

async function started(home: Habitat, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'rules', tools: home.file('rules.py', RULES), ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(options.size ?? 1)
  return pool
}

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n')

test('60, F8: the time that a call waited in the queue is subtracted from its deadline at the worker', async () => {
  const home = habitat()
  // The host's clock stands still unless it is told: only the worker can refuse the call.
  const clock = new VirtualClock()
  const pool = await started(home, { clock, concurrency: 2 })
  const [begun, ran] = [join(home.directory, 'begun'), join(home.directory, 'ran')]
  const first = pool.call('hold', { seconds: 1, begun })
  const second = pool.call('hold', { seconds: 3, begun })
  const late = pool.call('note', { path: ran, name: 'late' }, { timeout: 60_000 })
  const refused = expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  expect(pool.stats).toMatchObject({ inFlight: 2, queued: 1 })
  await clock.advance(59_900)
  // This call waits behind the second call, which takes longer than the 100 ms that are left.
  expect(await first).toBe('held')
  expect(await second).toBe('held')
  await refused
  expect(existsSync(ran)).toBe(false)
  // A call with time left is run behind another one.
  const [third, intime] = [
    pool.call('hold', { seconds: 0.2, begun }),
    pool.call('note', { path: ran, name: 'in time' }, { timeout: 60_000 }),
  ]
  await Promise.all([third, intime])
  expect(linesOf(ran)).toEqual(['in time'])
  await pool.stop()
})

test('F8: calls that shared a worker when it died are run again alone, with no other call beside them', async () => {
  const home = habitat()
  const pool = await started(home, { concurrency: 4 })
  const [path, gate] = [join(home.directory, 'said'), join(home.directory, 'gate')]
  const names = ['a', 'b', 'c']
  const calls = names.map((name) => pool.call('between', { path, name, gate }, { idempotent: true }))
  await eventually('all have begun', () => existsSync(path) && linesOf(path).length === names.length)
  home.file('gate', '')
  pool.kill('worker-1')
  const newcomer = pool.call('between', { path, name: 'd', gate })
  expect(await Promise.all([...calls, newcomer])).toEqual([...names, 'd'])
  expect(linesOf(path).slice(names.length)).toEqual([...names, 'd'].flatMap((name) => [`begin ${name}`, `end ${name}`]))
  // Afterwards calls share a worker again.
  const later = names.map((name) => pool.call('between', { path, name, gate: `${gate}-2` }))
  await eventually('all have begun together', () =>
    linesOf(path)
      .slice(-names.length)
      .every((line) => line.startsWith('begin')),
  )
  home.file('gate-2', '')
  await Promise.all(later)
  expect(pool.stats).toMatchObject({ retried: names.length, failed: 0 })
  await pool.stop()
})

test('F8: a call that is run again alone is not given to a busy worker, whatever its concurrency', async () => {
  const home = habitat()
  const pool = await started(home, { size: 2, concurrency: 4 })
  const [path, gate] = [join(home.directory, 'said'), join(home.directory, 'gate')]
  const call = (name: string, to = gate) => pool.call('between', { path, name, gate: to }, { idempotent: true })
  const [a, busy, b] = [call('a'), call('busy', `${gate}-2`), call('b')]
  await eventually('all have begun', () => existsSync(path) && linesOf(path).length === 3)
  expect(pool.workers.map(({ inFlight }) => inFlight)).toEqual([2, 1])
  pool.kill('worker-1')
  await eventually('a worker has died', () => pool.stats.crashes === 1)
  expect(pool.workers[1]).toMatchObject({ state: 'ready', inFlight: 1 })
  await eventually('another is ready', () => pool.stats.ready === 2)
  expect(pool.workers.map(({ inFlight }) => inFlight)).toEqual([1, 1])
  home.file('gate', '')
  expect(await Promise.all([a, b])).toEqual(['a', 'b'])
  home.file('gate-2', '')
  expect(await busy).toBe('busy')
  await pool.stop()
})

test('F8: a call that is run again goes before calls that came after it', async () => {
  const home = habitat()
  const pool = await started(home)
  const [path, gate] = [join(home.directory, 'said'), join(home.directory, 'gate')]
  const first = pool.call('between', { path, name: 'first', gate }, { idempotent: true })
  const others = ['second', 'third'].map((name) => pool.call('between', { path, name, gate }))
  await eventually('the first has begun', () => existsSync(path))
  home.file('gate', '')
  pool.kill('worker-1')
  await Promise.all([first, ...others])
  expect(linesOf(path).filter((line) => line.startsWith('begin'))).toEqual(
    ['first', 'first', 'second', 'third'].map((name) => `begin ${name}`),
  )
  await pool.stop()
})

test('F7: an idempotent call whose worker crashes is run once more, any other call never', async () => {
  const home = habitat()
  const pool = await started(home)
  for (const idempotent of [true, false]) {
    const [path, gate] = [join(home.directory, `said-${idempotent}`), join(home.directory, `gate-${idempotent}`)]
    const call = pool.call('between', { path, name: 'x', gate }, { idempotent }).catch((error: unknown) => error)
    await eventually('it has begun', () => existsSync(path))
    pool.kill('worker-1')
    if (!idempotent) expect(await call).toMatchObject({ code: 'WORKER_CRASHED' })
    else await eventually('it has begun again', () => linesOf(path).length === 2)
    if (idempotent) home.file(`gate-${idempotent}`, '')
    if (idempotent) expect(await call).toBe('x')
    await eventually('a worker is ready', () => pool.stats.ready === 1)
    expect(linesOf(path)).toEqual(idempotent ? ['begin x', 'begin x', 'end x'] : ['begin x'])
    if (idempotent) expect(pool.stats).toMatchObject({ retried: 1, failed: 0 })
    else expect(pool.stats).toMatchObject({ retried: 1, failed: 1 })
  }
  await pool.stop()
})

test('F8: a call goes to the worker that has the fewest', async () => {
  const home = habitat()
  const pool = await started(home, { size: 3, concurrency: 4 })
  const [begun, gate] = [join(home.directory, 'begun'), join(home.directory, 'gate')]
  const path = join(home.directory, 'said')
  // The first two workers have one call each, so the third is free.
  const held = ['a', 'b'].map((name) => pool.call('between', { path, name, gate }))
  expect(pool.workers.map(({ inFlight }) => inFlight)).toEqual([1, 1, 0])
  const third = readIdentity(pool.workers[2]?.pid ?? 0)?.spawn
  for (let n = 0; n < 3; n++) expect(await pool.call('spawn')).toBe(third)
  // Four calls more: in the end each worker has two.
  const more = ['c', 'd', 'e', 'f'].map((name) => pool.call('between', { path, name, gate }))
  expect(pool.workers.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2])
  home.file('gate', '')
  await Promise.all([...held, ...more])
  expect(existsSync(begun)).toBe(false)
  await pool.stop()
})

test('F8: by default stop() gives a call in flight longer than a worker has to end', async () => {
  const home = habitat()
  const pool = await started(home)
  const begun = join(home.directory, 'begun')
  // A worker that is told to end is killed after 2 s.
  const call = pool.call('hold', { seconds: 3, begun })
  await eventually('it has begun', () => existsSync(begun))
  const stopped = pool.stop()
  expect(await call).toBe('held')
  expect(await stopped).toEqual({ processesLeft: 0 })
})

test('F8: stop() waits no longer than `drainTimeout` for a call in flight', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const pool = await started(home, { clock, drainTimeout: 40_000 })
  const begun = join(home.directory, 'begun')
  const call = pool.call('hold', { seconds: 60, begun })
  const refused = expect(call).rejects.toMatchObject({ code: 'STOPPED' })
  await eventually('it has begun', () => existsSync(begun))
  const stopped = pool.stop()
  await clock.advance(39_999)
  expect(pool).toMatchObject({ status: 'stopping', stats: { inFlight: 1, ready: 1 } })
  await clock.advance(1)
  await refused
  expect(await stopped).toEqual({ processesLeft: 0 })
})

/** A pool that is parked because a module is missing, on a clock that stands still. */
async function parked(
  home: Habitat,
): Promise<{ pool: Pool; clock: VirtualClock; starts: (expected: number) => Promise<void> }> {
  home.expectedErrors.push(/^parked: /)
  const clock = new VirtualClock()
  const tools = home.file('tools.py', `import absent_until_later\n${readFileSync(TOOLS, 'utf8')}`)
  const pool = createPool({ ...home.common, name: 'rules', tools, clock })
  let parkings = 0
  pool.on('worker.parked', () => (parkings += 1))
  await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  /** Waits until so many starts have failed, and asserts that no other one has begun. */
  const starts = async (expected: number): Promise<void> => {
    await eventually(`${expected} starts have failed`, () => parkings === expected)
    expect(pool.stats.starts).toBe(expected)
  }
  await starts(1)
  return { pool, clock, starts }
}

test('F8: while the watch paths of a parked pool change, nothing is started; after that one worker is', async () => {
  const home = habitat()
  const { pool, clock, starts } = await parked(home)
  for (let second = 0; second < 10; second++) {
    home.file('another.py', String(second))
    utimesSync(home.directory, second, second) // a time that the folder has not had before
    await clock.advance(500)
  }
  expect(pool.stats.starts).toBe(1)
  await clock.advance(1_000)
  await starts(2)
  await pool.stop()
})

test('F8: a parked pool is tried again after 30 s although nothing has changed, and then ever more slowly', async () => {
  const home = habitat()
  const { pool, clock, starts } = await parked(home)
  await clock.advance(29_500)
  expect(pool.stats.starts).toBe(1)
  await clock.advance(1_000)
  await starts(2)
  await clock.advance(58_000)
  expect(pool.stats.starts).toBe(2)
  await clock.advance(3_000)
  await starts(3)
  await pool.stop()
})

test('a worker that ends an overdue call within the cancel grace is not killed later', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  // A real worker cannot answer the pings of 60 s that pass at once.
  const pool = await started(home, { clock, cancelGrace: 5_000, heartbeat: 'off' })
  const [path, gate] = [join(home.directory, 'said'), join(home.directory, 'gate')]
  const before = pool.workers[0]?.pid
  const call = pool.call('between', { path, name: 'late', gate }, { timeout: 1_000 })
  const refused = expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await eventually('it has begun', () => existsSync(path))
  await clock.advance(1_000)
  await refused
  await eventually('its worker has let go of it', () => pool.stats.inFlight === 0)
  await clock.advance(60_000)
  expect(await pool.call('spawn')).toBe(readIdentity(before ?? 0)?.spawn)
  expect(pool.stats.crashes).toBe(0)
  await pool.stop()
})

test('after stop() no call is run again, and every call is settled', async () => {
  const home = habitat()
  const pool = await started(home)
  const path = join(home.directory, 'said')
  const call = pool.call('between', { path, name: 'x', gate: 'never' }, { idempotent: true })
  const refused = expect(call).rejects.toMatchObject({ code: 'WORKER_CRASHED' })
  await eventually('it has begun', () => existsSync(path))
  const stopped = pool.stop()
  process.kill(pool.workers[0]?.pid ?? 0, 'SIGKILL')
  await refused
  expect(await stopped).toEqual({ processesLeft: 0 })
  expect(linesOf(path)).toEqual(['begin x'])
  expect(pool.stats).toMatchObject({ accepted: 1, failed: 1, retried: 0 })
})

test('kill() without a name kills a busy worker, or none', async () => {
  const home = habitat()
  const pool = await started(home, { size: 3 })
  expect(pool.kill()).toBeUndefined()
  expect(() => pool.kill('worker-7')).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: 'pool rules has no worker worker-7',
      hint: 'Name one of worker-1, worker-2, worker-3.',
    }),
  )
  const path = join(home.directory, 'said')
  const held = pool.call('between', { path, name: 'x', gate: 'never' }).catch((error: unknown) => error)
  await eventually('it has begun', () => existsSync(path))
  const busy = pool.workers.find(({ inFlight }) => inFlight === 1)
  expect(pool.kill()).toEqual({ worker: busy?.id, pid: busy?.pid })
  expect(await held).toMatchObject({ code: 'WORKER_CRASHED', details: { worker: busy?.id } })
  await pool.stop()
})

test('workers have the environment and the folder of the options, and the rest of the environment from the host', async () => {
  const home = habitat()
  const tools = home.file(
    'place.py',
    'import os\nfrom terrarium import tool\n@tool\ndef place(): return [os.getcwd(), os.environ.get("OWN"), os.environ.get("PATH")]\n',
  )
  const pool = createPool({ ...home.common, name: 'rules', tools, env: { OWN: 'ü' }, cwd: home.directory })
  await pool.start()
  expect(await pool.call('place')).toEqual([home.directory, 'ü', process.env.PATH])
  await pool.stop()
})
