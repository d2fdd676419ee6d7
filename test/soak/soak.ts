// One soak: a calm pool and a wild pool, called without a pause while the workers of the wild one are killed.
import { mkdtempSync, readFileSync, existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createPool, type Pool, type PoolEvents, type PoolOptions } from '@terrarium/pool'
import { messageOf } from '@terrarium/supervisor/base'
import { pino } from 'pino'
import { Random } from '../support/random.ts'
import type { Transport } from '../support/transport.ts'
import { within } from '../support/waiting.ts'
import { makeCalls } from './calls.ts'
import { grown, runtimeFolders, takeCensus } from './census.ts'
import { doHarm } from './harm.ts'
import { Memory } from './memory.ts'
import { openSources } from './streams.ts'
import type { Tally } from './tally.ts'
import { keepUp } from './upkeep.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  readonly transport: Transport
  readonly python: string
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

export const TOOLS = fileURLToPath(new URL('../../soak/tools.py', import.meta.url))
const CALLERS = 32
/** Between two samples of the memory, in ms. */
const SAMPLE_EVERY = 1_000
const EVENTS: readonly (keyof PoolEvents)[] = [
  'worker.start',
  'worker.ready',
  'worker.exit',
  'worker.backoff',
  'worker.parked',
  'worker.unparked',
  'worker.output',
  'call.retry',
]

/** Runs a soak, and returns what was wrong. */
export async function soak({ minutes, seed, transport, python, signal, say }: SoakOptions): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'terrarium-soak-'))
  try {
    const stateDirs = ['calm', 'wild'].map((name) => join(directory, name))
    const pool = (name: 'calm' | 'wild', options: Partial<PoolOptions>): Pool =>
      createPool({
        name,
        python,
        tools: TOOLS,
        stateDir: join(directory, name),
        logger: pino({ level: 'silent' }),
        output: 'ignore',
        transport,
        ...options,
      })
    // What is loaded, opened and listened to once for the whole process is there before the census.
    const first = pool('calm', {})
    await first.start()
    await first.call('echo_later', { value: 1, seconds: 0.001 }, { timeout: 10_000 })
    await first.stop()
    await sleep(500)
    const before = takeCensus(stateDirs, [])

    // No worker of the calm pool may die, however busy the machine is when a stream is left.
    const calm = pool('calm', { concurrency: 8, cancelGrace: 10_000 })
    const wild = pool('wild', {
      size: 3,
      concurrency: 4,
      cancelGrace: 30,
      breaker: 'off',
      backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 1_000_000, maxElapsed: Infinity },
    })
    calm.on('worker.exit', ({ worker, reason }) => {
      if (reason.type === 'error') say(`${worker} of the calm pool has died: ${messageOf(reason.error)}`)
    })
    for (const event of EVENTS) {
      wild.on(event, () => {
        throw new Error('a listener that throws')
      })
    }
    const marks = join(directory, 'marks')
    const wrong: string[] = []
    const folders = new Set<string>()
    try {
      await Promise.all([calm.start(), wild.start()])
      wrong.push(...(await play()))
    } finally {
      const stopped = await Promise.all([calm.stop(), wild.stop()])
      if (stopped.some(({ processesLeft }) => processesLeft > 0)) wrong.push('a pool says that processes are left')
    }
    // A timer of a cancelled call, or a descriptor of a process that has just exited, may take a moment.
    let left: string[] = []
    await within(5_000, () => (left = grown(before, takeCensus(stateDirs, folders))).length === 0)
    say(`left at the end: ${left.length === 0 ? 'nothing' : left.join('; ')}`)
    return [...wrong, ...left.map((each) => `left: ${each}`)]

    async function play(): Promise<string[]> {
      const end = performance.now() + minutes * 60_000
      const isOver = (): boolean => performance.now() > end || signal.aborted
      const memory = new Memory()
      const worker = calm.workers[0]?.pid ?? 0
      const calls = (of: Pool, stream: number): Promise<Tally> => {
        const isWild = of === wild
        const random = new Random(seed, stream)
        const onStall = (): Promise<void> => showStacks(of, say)
        return makeCalls({ pool: of, random, callers: CALLERS, isWild, marks: `${marks}-${of.name}`, isOver, onStall })
      }
      const watch = async (): Promise<void> => {
        while (!isOver()) {
          await memory.sample(worker)
          for (const stateDir of stateDirs) for (const folder of runtimeFolders(stateDir)) folders.add(folder)
          await sleep(SAMPLE_EVERY)
        }
      }
      const [ofCalm, ofWild, harm, ofUpkeep] = await Promise.all([
        calls(calm, 0),
        calls(wild, 1),
        doHarm(wild, join(directory, 'wild'), new Random(seed, 2), isOver),
        Promise.all([
          keepUp(calm, new Random(seed, 3), false, isOver),
          keepUp(wild, new Random(seed, 4), true, isOver),
        ]),
        watch(),
      ])
      const { drills, workers, shepherds } = harm
      say(`killed: ${drills} workers in drills, ${workers} from outside, ${shepherds} shepherds and guard processes`)
      for (const [index, { drains, reloads, failed }] of ofUpkeep.entries()) {
        say(
          `${index === 0 ? 'calm' : 'wild'}: ${drains} drains, ${reloads} reloads, ${failed} that could not be finished`,
        )
      }
      const found = [...account(calm, ofCalm, say), ...account(wild, ofWild, say)]
      if (calm.workers[0]?.pid !== worker || calm.stats.crashes > 0) found.push('the worker of the calm pool has died')
      found.push(...(await openStreams(calm)), ...(await openSessions(calm)))
      if (wild.stats.crashes === 0) found.push('no worker of the wild pool has died, which proves nothing')
      for (const name of ['calm', 'wild']) found.push(...twice(`${marks}-${name}`))
      const { lines, grown: growing } = memory.judge(minutes)
      for (const line of lines) say(line)
      return [...found, ...growing]
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Generators of the calm pool and sources of this process that were begun and not closed. */
async function openStreams(calm: Pool): Promise<string[]> {
  let [generators, sources] = [0, 0]
  await within(5_000, async () => {
    generators = await calm.call<number>('open_generators')
    sources = openSources()
    return generators + sources === 0
  })
  return [
    ...(generators === 0 ? [] : [`${generators} generators are open in the calm pool`]),
    ...(sources === 0 ? [] : [`${sources} sources of arguments are open`]),
  ]
}

/** Sessions of the calm pool that have begun in Python, and were not closed there. */
async function openSessions(calm: Pool): Promise<string[]> {
  let open = 0
  await within(5_000, async () => (open = await calm.call<number>('open_sessions')) === 0)
  return open === 0 ? [] : [`${open} sessions are open in the worker of the calm pool`]
}

/** Has each worker print what its threads do, and tells it. */
async function showStacks(pool: Pool, say: (line: string) => void): Promise<void> {
  pool.on('worker.output', ({ worker, stream, line }) => {
    if (stream === 'stderr') say(`  ${pool.name}/${worker}: ${line}`)
  })
  for (const { pid } of pool.workers) {
    try {
      if (pid !== undefined) process.kill(pid, 'SIGUSR2')
    } catch {
      // It has just died.
    }
  }
  await sleep(1_000)
}

/** Compares what the callers have seen with what the pool has counted. */
function account({ name, stats }: Pool, tally: Tally, say: (line: string) => void): string[] {
  const { issued, resolved, more, rejected, codes, host, sessions, faults } = tally
  const { accepted, completed, failed, queued, inFlight, retried, crashes, sessions: held } = stats
  const list = [...codes].map(([code, count]) => `${code} ${count}`).join(', ')
  say(`${name}: ${issued} calls issued, ${resolved} resolved, ${rejected} rejected (${list || 'none'})`)
  say(`${name}: ${accepted} accepted, ${completed} completed, ${failed} failed, ${retried} retried, ${crashes} crashes`)
  const { opened, lost, restarted, closed } = sessions
  say(
    `${name}: ${host.made} host calls; ${opened} sessions opened, ${lost} lost, ${restarted} restarted, ${closed} closed`,
  )
  const wrong = faults.map((fault) => `${name}: ${fault}`)
  const expect = (what: string, isTrue: boolean): void => {
    if (!isTrue) wrong.push(`${name}: ${what}`)
  }
  expect('issued is not resolved and rejected', issued === resolved + rejected)
  expect('accepted is not completed and failed', accepted === completed + failed)
  expect('completed is not resolved', completed === resolved + more)
  expect('failed is more than rejected', failed <= rejected)
  expect(`${queued} calls are in the queue`, queued === 0)
  expect(`${inFlight} calls are in flight`, inFlight === 0)
  expect(`${held} sessions are open`, held === 0)
  expect('no host call was made, which proves nothing', host.made > 0)
  expect('no session was opened, which proves nothing', opened > 0)
  return wrong
}

/** Numbers of calls that have run more than once. */
function twice(marks: string): string[] {
  if (!existsSync(marks)) return ['no call of mark has run, which proves nothing']
  const numbers = readFileSync(marks, 'latin1').trim().split('\n')
  const seen = new Set<string>()
  const again = numbers.filter((number) => seen.size === seen.add(number).size)
  return again.length === 0 ? [] : [`calls that are not idempotent ran twice: ${again.slice(0, 10).join(', ')}`]
}
