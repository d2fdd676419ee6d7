// What may happen to a pool, as programs that run on a real pool and on a pool without Python, and return what a caller
// can see of it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { CallOptions, Pool, PoolOptions } from '@terrarium/pool'
import type { VirtualClock } from '@terrarium/pool/testing'
import { isTerrariumError } from '@terrarium/supervisor/base'
import { eventually } from '../../../../test/support/waiting.ts'

/** A pool that has not started, and how a scenario sees and moves it. */
export interface Stage {
  readonly pool: Pool
  readonly clock: VirtualClock
  /** The path of a file that does not exist yet. */
  readonly path: (name: string) => string
  /** Makes the worker of a slot stand still. */
  readonly freeze: (worker: string) => void
}

export interface Scenario {
  readonly options?: Partial<Omit<PoolOptions, 'tools'>>
  /** The tools cannot be loaded: for want of a module, that the file `absent.py` is, or for an exception. */
  readonly broken?: 'module' | 'exception' | 'slow'
  /** Texts differ: they name what only Python has. */
  readonly without?: readonly ('message' | 'hint' | 'details')[]
  readonly run: (stage: Stage) => Promise<unknown>
}

/** How a call or an operation ended. */
export async function outcomeOf(operation: Promise<unknown>): Promise<unknown> {
  try {
    return { value: await operation }
  } catch (error) {
    if (!isTerrariumError(error)) throw error
    const { code, message, hint, details } = error
    const { cause } = error as { readonly cause?: unknown }
    return { code, message, hint, details, ...(isTerrariumError(cause) ? { cause: cause.code } : {}) }
  }
}

/** Lets time pass until the condition holds. */
export const passes = ({ clock }: Stage, what: string, condition: () => boolean, step = 25): Promise<void> =>
  eventually(what, async () => {
    await clock.advance(step)
    return condition()
  })

const begins = (path: string): Promise<void> => eventually(`${path} is there`, () => existsSync(path))

const call = ({ pool }: Stage, tool: string, args?: Record<string, unknown>, options?: CallOptions): Promise<unknown> =>
  outcomeOf(pool.call(tool, args, options))

const inFlight = ({ pool }: Stage): number[] => pool.workers.map((worker) => worker.inFlight)

const isBack = (stage: Stage, ready = 1): Promise<void> =>
  passes(stage, 'every worker is ready', () => stage.pool.stats.ready === ready && stage.pool.stats.inFlight === 0)

/** A call that holds a worker until its gate is there. */
async function held(
  stage: Stage,
  name: string,
  tool = 'hold',
  options?: CallOptions,
): Promise<{ ends: Promise<unknown>; open: () => void }> {
  const [begun, gate] = [stage.path(`${name} begun`), stage.path(`${name} gate`)]
  const ends = call(stage, tool, { begun, gate, name }, options)
  await begins(begun)
  return {
    ends,
    open: () => {
      writeFileSync(gate, '')
    },
  }
}

const started = async (stage: Stage): Promise<Stage> => {
  await stage.pool.start()
  return stage
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'results and defaults': {
    run: async (stage) => {
      await started(stage)
      return [
        await call(stage, 'add', { a: 1, b: 2 }),
        await call(stage, 'add', { a: 1 }),
        await call(stage, 'echo'),
        await call(stage, 'echo', { value: undefined }),
      ]
    },
  },
  'an exception, with its type, its text and what it carries': {
    run: async (stage) => call(await started(stage), 'fail', { message: 'bad\nluck' }),
  },
  'a tool that does not exist': {
    without: ['message'],
    run: async (stage) => call(await started(stage), 'absent', {}),
  },
  'arguments that do not fit the tool': {
    without: ['message'],
    run: async (stage) => {
      await started(stage)
      return [await call(stage, 'add', {}), await call(stage, 'add', { a: 1, c: 2 })]
    },
  },
  'calls that are wrong, before anything is sent': {
    run: async (stage) => {
      await started(stage)
      const wrong = (...args: unknown[]): Promise<unknown> => stage.pool.call(...(args as [string]))
      const calls = [
        [''],
        ['echo', []],
        ['echo', {}, { timeout: 0, idempotent: 'yes', retries: 3 }],
        ['echo', { value: { deep: [() => 1] } }],
        ['echo', { value: Symbol('s') }],
      ]
      return Promise.all(calls.map((args) => outcomeOf(wrong(...args))))
    },
  },
  'a result that cannot be sent': {
    without: ['message', 'hint'],
    run: async (stage) => {
      const { code, details } = (await call(await started(stage), 'unsendable')) as {
        code: string
        details: { place: unknown }
      }
      return { code, place: details.place }
    },
  },
  'calls before the start and after the stop, and a second start': {
    run: async (stage) => {
      const early = await call(stage, 'echo')
      await started(stage)
      const again = await outcomeOf(stage.pool.start())
      const stopped = await outcomeOf(stage.pool.stop())
      return [early, again, stopped, await call(stage, 'echo'), await outcomeOf(stage.pool.start())]
    },
  },
  'more calls than may wait': {
    options: { queueLimit: 1 },
    run: async (stage) => {
      await started(stage)
      const first = await held(stage, 'first')
      const others = [call(stage, 'echo', { value: 2 }), call(stage, 'echo', { value: 3 })]
      const refused = await others[1]
      first.open()
      return [await first.ends, await others[0], refused]
    },
  },
  'a deadline that passes in the queue': {
    run: async (stage) => {
      await started(stage)
      const first = await held(stage, 'first')
      const late = call(stage, 'note', { path: stage.path('ran'), name: 'late' }, { timeout: 1_000 })
      await stage.clock.advance(1_000)
      const refused = await late
      first.open()
      return [refused, await first.ends, existsSync(stage.path('ran'))]
    },
  },
  'a deadline that a sync tool overruns: its worker is killed, and what waited behind it moves': {
    options: { concurrency: 3 },
    run: async (stage) => {
      await started(stage)
      const late = await held(stage, 'late', 'hold', { timeout: 1_000 })
      const behind = call(stage, 'echo', { value: 'behind' })
      await stage.clock.advance(1_000)
      const refused = await late.ends
      const before = inFlight(stage)
      await passes(stage, 'the worker is killed', () => stage.pool.stats.crashes === 1)
      await isBack(stage)
      return [refused, before, await behind]
    },
  },
  'a deadline that an async tool overruns: it is cancelled, and its worker lives on': {
    run: async (stage) => {
      await started(stage)
      const late = await held(stage, 'late', 'hold_async', { timeout: 1_000 })
      await stage.clock.advance(1_000)
      const refused = await late.ends
      // In real Python time has not passed: it is the cancel that stops the tool.
      await eventually('the worker has let go', () => stage.pool.stats.inFlight === 0)
      return [refused, await call(stage, 'echo', { value: 1 })]
    },
  },
  'cancelled calls: before, in the queue, while an async tool runs, and while a sync tool runs': {
    run: async (stage) => {
      await started(stage)
      const reason = new Error('changed my mind')
      const ended: unknown[] = [await call(stage, 'echo', {}, { signal: AbortSignal.abort(reason) })]
      const [running, queued, last] = [new AbortController(), new AbortController(), new AbortController()]
      const first = await held(stage, 'first', 'hold_async', { signal: running.signal })
      const second = call(stage, 'echo', {}, { signal: queued.signal })
      queued.abort(reason)
      ended.push(await second)
      running.abort(reason)
      ended.push(await first.ends, await call(stage, 'echo', { value: 1 }))
      const third = await held(stage, 'third', 'hold', { signal: last.signal })
      last.abort(reason)
      ended.push(await third.ends)
      await passes(stage, 'the worker is killed', () => stage.pool.stats.crashes === 1)
      await isBack(stage)
      return ended
    },
  },
  'a worker that dies with a call': {
    run: async (stage) => {
      await started(stage)
      const ended: unknown[] = []
      for (const [tool, args] of [
        ['die', { code: 3 }],
        ['die', { code: 0 }],
        ['die_by', { name: 'SIGSEGV' }],
      ] as const) {
        ended.push(await call(stage, tool, args))
        await isBack(stage)
      }
      return ended
    },
  },
  'an idempotent call whose worker dies once, before a call that waited': {
    run: async (stage) => {
      await started(stage)
      const first = call(stage, 'die_once', { path: stage.path('died') }, { idempotent: true })
      const second = call(stage, 'echo', { value: 2 })
      await isBack(stage)
      return [await first, await second]
    },
  },
  'a poison call': {
    options: { maxDeaths: 2 },
    run: async (stage) => {
      await started(stage)
      const poison = call(stage, 'die', { code: 4 }, { idempotent: true })
      await passes(stage, 'it has died twice', () => stage.pool.stats.crashes === 2)
      await isBack(stage)
      return poison
    },
  },
  'calls that shared a worker when it died run again, each alone': {
    options: { concurrency: 4 },
    run: async (stage) => {
      await started(stage)
      const idempotent = { idempotent: true }
      const gate = stage.path('gate')
      const names = ['a', 'b', 'c']
      const calls = names.map((name) => call(stage, 'hold_async', { begun: '', gate, name }, idempotent))
      const lost = await held(stage, 'lost', 'hold_async')
      const newcomer = call(stage, 'echo', { value: 'new' })
      stage.pool.kill('worker-1')
      await passes(stage, 'it has died', () => stage.pool.stats.crashes === 1)
      writeFileSync(gate, '')
      await isBack(stage)
      return [await Promise.all(calls), await lost.ends, await newcomer]
    },
  },
  'calls go to the worker that has the fewest': {
    options: { size: 3, concurrency: 2 },
    run: async (stage) => {
      await started(stage)
      const seen: number[][] = []
      const calls: { ends: Promise<unknown>; open: () => void }[] = []
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
        calls.push(await held(stage, name, 'hold_async'))
        seen.push(inFlight(stage))
      }
      const waiting = call(stage, 'echo', { value: 'waits' })
      seen.push(inFlight(stage))
      for (const { open } of calls) open()
      return [seen, await Promise.all(calls.map(({ ends }) => ends)), await waiting]
    },
  },
  'sync tools of one worker run one at a time, in order': {
    options: { concurrency: 8 },
    run: async (stage) => {
      await started(stage)
      const path = stage.path('order')
      const first = await held(stage, 'first')
      const calls = ['a', 'b', 'c'].map((name) => call(stage, 'note', { path, name }))
      first.open()
      await Promise.all([first.ends, ...calls])
      return readFileSync(path, 'utf8')
    },
  },
  'a stop lets calls in flight finish and refuses calls that wait': {
    run: async (stage) => {
      await started(stage)
      const first = await held(stage, 'first')
      const waiting = call(stage, 'echo')
      const stopped = outcomeOf(stage.pool.stop())
      const refused = [await waiting, await call(stage, 'echo')]
      first.open()
      return [refused, await first.ends, await stopped, await outcomeOf(stage.pool.stop())]
    },
  },
  'a stop waits no longer than it may': {
    options: { drainTimeout: 100, grace: 100 },
    run: async (stage) => {
      await started(stage)
      const first = await held(stage, 'first')
      const stopped = outcomeOf(stage.pool.stop())
      await passes(stage, 'it has stopped', () => stage.pool.status === 'stopped', 50)
      return [await first.ends, await stopped]
    },
  },
  'a drill': {
    run: async (stage) => {
      await started(stage)
      const first = await held(stage, 'first')
      const unknown = await outcomeOf(Promise.resolve().then(() => stage.pool.kill('worker-9')))
      const killed = stage.pool.kill()?.worker
      const ended = await first.ends
      await isBack(stage)
      return [unknown, killed, ended]
    },
  },
  'an idle worker that stands still': {
    options: { heartbeat: { interval: 1_000, misses: 2 } },
    run: async (stage) => {
      await started(stage)
      stage.freeze('worker-1')
      await passes(stage, 'it is killed', () => stage.pool.stats.crashes === 1, 100)
      await isBack(stage)
      return call(stage, 'echo', { value: 'new' })
    },
  },
  'what a tool prints': {
    run: async (stage) => {
      const lines: unknown[] = []
      stage.pool.on('worker.output', ({ worker, stream, line }) => lines.push({ worker, stream, line }))
      await started(stage)
      await call(stage, 'say', { text: 'hello\nthere' })
      await eventually('it is told', () => lines.length === 2)
      return lines
    },
  },
  'a module that is missing parks the pool until it is there': {
    broken: 'module',
    options: { size: 2 },
    without: ['message', 'hint', 'details'],
    run: async (stage) => {
      const refused = await outcomeOf(stage.pool.start())
      await passes(stage, 'both are parked', () => stage.pool.status === 'parked')
      const parked = [stage.pool.status, await call(stage, 'echo')]
      writeFileSync(stage.path('absent.py'), '')
      await passes(stage, 'it has healed', () => stage.pool.stats.ready === 2, 100)
      return [refused, parked, stage.pool.status, await call(stage, 'echo', { value: 1 })]
    },
  },
  'workers that fail to start again and again park the pool': {
    broken: 'exception',
    without: ['message', 'hint', 'details'],
    run: async (stage) => {
      const starting = outcomeOf(stage.pool.start())
      await passes(stage, 'it is parked', () => stage.pool.status === 'parked', 100)
      return [await starting, await call(stage, 'echo')]
    },
  },
  'a worker that is not ready in time': {
    broken: 'slow',
    options: { startTimeout: 300, breaker: 'off', backoff: { maxAttempts: 1 } },
    without: ['message', 'hint', 'details'],
    run: async (stage) => {
      const starting = outcomeOf(stage.pool.start())
      await passes(stage, 'it is parked', () => stage.pool.status === 'parked', 20)
      return [await starting, stage.pool.workers.map(({ state, error }) => [state, error?.code])]
    },
  },
}
