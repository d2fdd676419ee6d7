// What may happen to host calls and to nested calls. See `stage.ts`.
import { call, outcomeOf, passes, started, type Scenario, type Stage } from './stage.ts'

async function exposing(stage: Stage): Promise<Stage> {
  const { pool } = stage
  pool.expose('price', ({ sku }: { sku: string }) => sku.length, {
    schema: (args) => {
      if (!('sku' in (args as object))) throw new TypeError('sku is missing')
      return args
    },
  })
  pool.expose('fail', () => {
    throw Object.assign(new RangeError('no such price'), { code: 'NO_PRICE', details: { sku: 'a' } })
  })
  pool.expose('echo', () => pool.call('echo', { value: 'nested' }))
  pool.expose('items', function* () {
    yield 1
    yield 2
  })
  pool.expose('many', function* () {
    for (let n = 0; n < 100; n += 1) yield 'x'.repeat(10_000)
  })
  pool.expose('never', () => new Promise(() => undefined))
  return started(stage)
}

/** The texts of errors name what only one language has: `code` and `details` are compared. */
const asked = (stage: Stage, args: Record<string, unknown>): Promise<unknown> => call(stage, 'ask', args)

/** A function that never answers, with a time of its own. */
async function late(stage: Stage): Promise<unknown> {
  let answer: unknown
  void asked(stage, { name: 'never', timeout: 10 }).then((each) => (answer = each))
  await passes(stage, 'the time of the host call is over', () => answer !== undefined)
  return answer
}

export const HOST_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'host calls: values, and failures of each kind': {
    run: async (stage) => {
      await exposing(stage)
      return [
        await asked(stage, { name: 'price', sku: 'abc' }),
        await asked(stage, { name: 'price' }),
        await asked(stage, { name: 'fail' }),
        await asked(stage, { name: 'toString' }),
        await asked(stage, { name: 'items' }),
        await late(stage),
      ]
    },
  },
  'host calls: items, in order and beyond the window': {
    run: async (stage) => {
      await exposing(stage)
      return [await call(stage, 'read', { name: 'items' }), await call(stage, 'read', { name: 'many' })]
    },
  },
  'a host call that fails its tool: the cause is the error of the function': {
    without: ['message', 'details'],
    run: async (stage) => {
      await exposing(stage)
      const causes: unknown[] = []
      const price = stage.pool.call('price').catch((error: unknown) => {
        causes.push((error as { cause?: unknown }).cause)
        throw error
      })
      return [await outcomeOf(price), ...causes.map(String)]
    },
  },
  'nested calls: a pool of one refuses them': {
    run: async (stage) => asked(await exposing(stage), { name: 'echo' }),
  },
  'nested calls: a pool of two answers them': {
    options: { size: 2 },
    run: async (stage) => asked(await exposing(stage), { name: 'echo' }),
  },
}
