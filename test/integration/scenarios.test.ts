// Scenarios of docs/scenarios.md that no other test is about: named by their numbers, with real workers.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, pool, poolOf, type Pool, type PoolOptions, type PoolSnapshot } from '@terrarium/pool'
import { createSupervisor, isTerrariumError } from '@terrarium/supervisor'
import { fromCallback } from 'xstate'
import { ROOT } from '../support/command.ts'
import { eventually, habitat, TOOLS, type Habitat } from '../support/terrarium.ts'
import { TRANSPORTS } from '../support/transport.ts'

const MEETING = `
import asyncio, os, threading, time
from terrarium import tool

@tool
def meet(folder: str, name: str, count: int) -> str:
    """Ends once so many calls have come to the folder."""
    open(os.path.join(folder, name), "w").close()
    while len(os.listdir(folder)) < count:
        time.sleep(0.005)
    return name

both = threading.Barrier(2)

@tool
async def meet_in_threads() -> int:
    return await asyncio.to_thread(both.wait)

@tool
def run(path: str, gate: str = "") -> None:
    open(path, "w").close()
    while gate and not os.path.exists(gate):
        time.sleep(0.005)
`

const codeOf = (error: unknown): string => (isTerrariumError(error) ? error.code : String(error))
const times = (count: number, text: string): string[] => new Array<string>(count).fill(text)
const workersOf = (of: Pool): PoolSnapshot['workers'] => (of.actor.getSnapshot() as PoolSnapshot).workers

async function started(home: Habitat, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const tools = home.file('meeting.py', MEETING)
  const made = createPool({ ...home.common, name: 'scenarios', tools, ...options })
  await made.start()
  expect(made.stats.ready).toBe(options.size ?? 1)
  return made
}

test('11: each pool has as many workers as its own options say', async () => {
  const home = habitat()
  const [two, three] = await Promise.all([2, 3].map((size) => started(home, { name: `of-${size}`, size })))
  expect([two?.workers.length, three?.workers.length, home.workers().length]).toEqual([2, 3, 5])
  await Promise.all([two?.stop(), three?.stop()])
  expect(home.marked()).toEqual([])
})

test('44: the last child of rest_for_one crashes, and the pool before it is not restarted', async () => {
  const home = habitat()
  let starts = 0
  const last = fromCallback(({ receive }) => {
    starts += 1
    receive(() => {
      throw new Error('boom')
    })
  })
  const app = createSupervisor({
    id: 'app',
    strategy: 'rest_for_one',
    children: [
      { id: 'text', logic: pool({ ...home.common, name: 'text', tools: TOOLS, size: 2 }), type: 'supervisor' },
      { id: 'last', logic: last },
    ],
  })
  await app.start()
  const before = poolOf(app.child('text')).workers.map(({ pid }) => pid)
  expect(before.every((pid) => pid !== undefined)).toBe(true)
  app.child('last')?.send({ type: 'crash' })
  await eventually('the last child runs again', () => starts === 2)
  expect(poolOf(app.child('text')).workers.map(({ pid }) => pid)).toEqual(before)
  expect(await poolOf(app.child('text')).call('echo', { value: 1 })).toBe(1)
  await app.stop()
})

test.each(TRANSPORTS)(
  '53, %s: more calls than a tiny pool takes: some run, some are late, some refused; only the first run',
  async (transport) => {
    const home = habitat()
    const tiny = await started(home, { queueLimit: 3, transport })
    const path = (name: string): string => join(home.directory, name)
    const first = tiny.call('run', { path: path('ran-0'), gate: path('gate') })
    await eventually('the first call has begun', () => existsSync(path('ran-0')))
    const others = Array.from({ length: 9 }, (_, n) =>
      tiny.call('run', { path: path(`ran-${n + 1}`) }, { timeout: 200 }).catch(codeOf),
    )
    const codes = await Promise.all(others)
    expect([...codes].sort()).toEqual([...times(6, 'POOL_SATURATED'), ...times(3, 'QUEUE_TIMEOUT')])
    home.file('gate', '')
    await first
    await tiny.call('run', { path: path('last') })
    expect(readdirSync(home.directory).filter((name) => name.startsWith('ran-'))).toEqual(['ran-0'])
    expect(tiny.stats).toMatchObject({ accepted: 5, completed: 2, failed: 3, queued: 0, inFlight: 0 })
    await tiny.stop()
  },
)

test.each(TRANSPORTS)('61, %s: of 20 calls on 8 workers 8 run at the same time, and all succeed', async (transport) => {
  const home = habitat()
  const eight = await started(home, { size: 8, transport })
  const folder = join(home.directory, 'meeting')
  mkdirSync(folder)
  const calls = Array.from({ length: 20 }, (_, n) => eight.call('meet', { folder, name: `${n}`, count: 8 }))
  expect(eight.stats).toMatchObject({ inFlight: 8, queued: 12 })
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`))
  await eight.stop()
})

test('I2: a worker that fails before it is ready: reason, exit code, last words, attempts, one event', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const tools = home.file(
    'failing.py',
    'import os, sys\nprint("no licence", file=sys.stderr, flush=True)\nos._exit(7)\n',
  )
  const failing = createPool({ ...home.common, name: 'failing', tools, backoff: { first: 0, base: 1, jitter: 'none' } })
  const parked: unknown[] = []
  failing.on('worker.parked', (event) => parked.push(event))
  const starting = failing.start()
  const waiting = failing.call('anything').catch((error: unknown) => error)
  await expect(starting).rejects.toMatchObject({
    code: 'START_FAILED',
    message: expect.stringContaining('exit status 7'),
    details: { code: 7, stderr: expect.stringContaining('no licence') },
  })
  expect(await waiting).toMatchObject({ code: 'PARKED', cause: { code: 'START_FAILED' } })
  expect(failing.stats.starts).toBe(3)
  expect(parked).toMatchObject([{ worker: 'worker-1', error: { code: 'START_FAILED' } }])
  expect(workersOf(failing)).toMatchObject([
    { state: 'parked', failure: { attempts: 3, phase: 'start', error: { code: 'START_FAILED' } } },
  ])
  await failing.stop()
})

test.each(TRANSPORTS)('I12, %s: calls of one worker run in parallel in threads', async (transport) => {
  const one = await started(habitat(), { concurrency: 2, transport })
  const arrivals = await Promise.all([one.call<number>('meet_in_threads'), one.call<number>('meet_in_threads')])
  expect(arrivals.sort()).toEqual([0, 1])
  await one.stop()
})

test('I16: errors are counted as errors, and a worker that is ready again has no failure', async () => {
  const backoff = { first: 200, base: 200, jitter: 'none' } as const
  const counted = createPool({ ...habitat().common, name: 'counted', tools: TOOLS, backoff })
  await counted.start()
  for (const message of ['one', 'two']) {
    await expect(counted.call('fail', { message })).rejects.toMatchObject({ code: 'PYTHON_ERROR' })
  }
  await counted.call('echo', { value: 1 })
  expect(counted.stats).toMatchObject({ accepted: 3, completed: 1, failed: 2, crashes: 0 })
  const failures = (): unknown[] => workersOf(counted).flatMap(({ failure }) => failure ?? [])
  counted.kill('worker-1')
  await eventually('the failure is shown', () => failures().length === 1)
  await eventually('it is ready again', () => counted.stats.ready === 1)
  expect(failures()).toEqual([])
  expect(counted.stats).toMatchObject({ failed: 2, crashes: 1 })
  await counted.stop()
})

test('I17: nothing that runs in a worker reads or writes pickles', () => {
  const folder = join(ROOT, 'python', 'src')
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.py'))
  expect(sources.length).toBeGreaterThan(30)
  const found = sources.filter((path) =>
    /\b(pickle|marshal|shelve|dill)\b/.test(
      readFileSync(join(folder, path), 'utf8')
        .split('\n')
        .filter((line) => /import/.test(line))
        .join('\n'),
    ),
  )
  expect(found).toEqual([])
})
