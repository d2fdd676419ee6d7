// What may happen to calls: results, refusals, deadlines and cancels. See `stage.ts`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { eventually } from '../../../../test/support/waiting.ts'
import { call, held, inFlight, isBack, outcomeOf, passes, started, type Scenario } from './stage.ts'

export const CALL_SCENARIOS: Readonly<Record<string, Scenario>> = {
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
  'calls sent ahead of a call that takes long: they are given back, and run on another worker': {
    options: { size: 2 },
    run: async (stage) => {
      await started(stage)
      for (const name of ['zero', 'one']) {
        const short = held(stage, name)
        writeFileSync(stage.path(`${name} gate`), '')
        await (
          await short
        ).ends
      }
      const path = stage.path('ran')
      const seen: unknown[] = [await call(stage, 'note', { path, name: 'zero' })]
      const look = (): void => void seen.push(readFileSync(path, 'utf8'), inFlight(stage), stage.pool.stats.queued)
      const [first, second] = [await held(stage, 'first'), await held(stage, 'second')]
      const [third, fourth] = ['third', 'fourth'].map((name) => call(stage, 'note', { path, name }))
      look()
      second.open()
      seen.push(await second.ends, await fourth)
      look() // the third call is ahead of the first worker
      await stage.clock.advance(10)
      seen.push(await third)
      look()
      first.open()
      return [...seen, await first.ends]
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
      // In real Python no time has passed, so the cancel stops the tool.
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
}
