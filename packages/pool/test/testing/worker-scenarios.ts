// What may happen to workers and the pool: crashes, retries, placement, stops and parks. See `stage.ts`.
import { readFileSync, writeFileSync } from 'node:fs'
import { eventually } from '../../../../test/support/waiting.ts'
import { call, held, inFlight, isBack, outcomeOf, passes, started, type Scenario } from './stage.ts'

export const WORKER_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a pool that is paused, drained and resumed': {
    run: async (stage) => {
      const { pool } = await started(stage)
      const first = await held(stage, 'first')
      const waiting = call(stage, 'echo', { value: 2 })
      const late = call(stage, 'echo', { value: 3 }, { timeout: 100 })
      const drained = outcomeOf(pool.drain())
      await passes(stage, 'the deadline passes', () => pool.stats.failed === 1)
      first.open()
      await drained
      const { queued, inFlight } = pool.stats
      pool.resume()
      return [await first.ends, await late, queued, inFlight, await waiting, pool.paused]
    },
  },
  'a pool that is reloaded': {
    options: { size: 2 },
    run: async (stage) => {
      const { pool } = await started(stage)
      const first = await held(stage, 'first')
      const reloaded = outcomeOf(pool.reload())
      await passes(stage, 'the spare is ready', () => pool.stats.ready === 2 && pool.workers.length === 3)
      first.open()
      await passes(stage, 'the spare is gone', () => pool.stats.ready === 2 && pool.workers.length === 2)
      return [await first.ends, await reloaded, await call(stage, 'echo', { value: 4 })]
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
