// Whatever a test does to a pool without Python: each call is settled once, the counts close, and nothing is left, no
// worker and no timer.
import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import { testPool, VirtualClock, type TestPool, type TestPoolOptions } from '@terrarium/pool/testing'
import * as fc from 'fast-check'
import { silent } from '../../../../test/support/loggers.ts'
import '../../../../test/support/no-stacks.mjs'

const tools: TestPoolOptions['tools'] = {
  sync: ({ ms }: { ms: number }, { sleep }) => sleep(ms).then(() => 'sync'),
  async: async ({ ms }: { ms: number }, { sleep }) => {
    await sleep(ms)
    return 'async'
  },
  fail: () => {
    throw new Error('told to fail')
  },
  die: (_: object, { exit }) => exit(),
}

const ms = fc.integer({ min: 0, max: 400 })
const worker = fc.constantFrom('worker-1', 'worker-2')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('call' as const), tool: fc.constantFrom(...Object.keys(tools)), ms, timeout: fc.option(fc.integer({ min: 1, max: 500 })), idempotent: fc.boolean(), abortAfter: fc.option(ms) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('advance' as const), ms }) },
  fc.record({ type: fc.constantFrom('crash' as const, 'hang' as const, 'heal' as const, 'kill' as const, 'failStarts' as const), worker }),
  fc.record({ type: fc.constant('slow' as const), worker, ms }),
) // prettier-ignore
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Does one step. Returns the call, if it was one. */
async function take(pool: TestPool, clock: VirtualClock, each: Step): Promise<unknown[]> {
  switch (each.type) {
    case 'call': {
      const controller = new AbortController()
      const { timeout, abortAfter, idempotent } = each
      const options = { idempotent, signal: controller.signal, ...(timeout === null ? {} : { timeout }) }
      if (abortAfter !== null) clock.setTimeout(() => { controller.abort(); }, abortAfter) // prettier-ignore
      return [pool.call(each.tool, { ms: each.ms }, options).catch((error: unknown) => error)]
    }
    case 'advance':
      await clock.advance(each.ms)
      return []
    case 'slow':
      pool.faults.slow(each.worker, each.ms)
      return []
    case 'kill':
      pool.kill(each.worker)
      return []
    case 'crash':
      try {
        pool.faults.crash(each.worker)
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' }) // it has no worker now
      }
      return []
    default:
      pool.faults[each.type](each.worker)
      return []
  }
}

test('any calls and faults: each call is settled once, the counts close, and nothing is left', async () => {
  const settings = { concurrency: fc.integer({ min: 1, max: 3 }), steps: fc.array(step, { maxLength: 25 }) }
  await fc.assert(
    fc.asyncProperty(fc.record(settings), async ({ concurrency, steps }) => {
      const clock = new VirtualClock()
      const pool = testPool({ name: 'p', size: 2, concurrency, tools, clock, logger: silent })
      await pool.start()
      const calls: Promise<unknown>[] = []
      for (const each of steps) calls.push(...((await take(pool, clock, each)) as Promise<unknown>[]))
      let settled = 0
      for (const call of calls) void call.then(() => (settled += 1))
      let isStopped = false
      const stopped = pool.stop().finally(() => (isStopped = true))
      for (let n = 0; n < 40 && !(isStopped as boolean); n += 1) await clock.advance(250)
      expect(await stopped).toEqual({ processesLeft: 0 })
      await clock.advance(1_000)
      expect(settled).toBe(calls.length)
      for (const result of await Promise.all(calls)) {
        if (result instanceof Error) expect(result).toBeInstanceOf(TerrariumError)
        else expect(result).toMatch(/^a?sync$/)
      }
      const { accepted, completed, failed, inFlight, queued, ready } = pool.stats
      expect({ inFlight, queued, ready }).toEqual({ inFlight: 0, queued: 0, ready: 0 })
      expect(completed + failed).toBe(accepted)
      expect(clock.pending).toBe(0)
    }),
    { numRuns: 100 },
  )
}, 120_000)
