import { describe, expect, test } from '@jest/globals'
import { isTerrariumError } from '@terrarium/supervisor/base'
import { createPool, type CallOptions, type Pool, type PoolEvents, type PoolOptions } from '@terrarium/pool'
import { declared, type HookOf } from '../../../test/support/declaration.ts'
import {
  boom,
  explode,
  FAILURES,
  hostileLoggers,
  reject,
  failOnUncaught,
  type Failing,
} from '../../../test/support/failures.ts'
import { turn } from '../../../test/support/waiting.ts'
import { eventually, habitat, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'

// C1: code of the user's fails wherever a pool calls it, one place at a time and all at once. Each call is settled
// once, the counts close, and no process is left. The tables hold a row for each member of the options that may hold
// such code: a row that is missing does not compile, nor does it pass.

interface Row<TValue> {
  readonly hostile: (fail: Failing) => TValue
  /** The line that the log has of the fault, once. */
  readonly told?: RegExp
}
/** `data`: no code, but a value that is copied and checked at once; see the tests of getters. */
type Rows<T> = { readonly [K in HookOf<T>]: Row<NonNullable<T[K]>> | 'data' }

/** An instance that cannot be sent, without a registered type as well as with a type that fails. */
class Odd {
  readonly made = 'by hand'
}

const OPTIONS: Rows<PoolOptions> = {
  backoff: { hostile: (delay) => ({ delay, max: 1 }), told: /^`backoff\.delay` of supervisor p failed$/ },
  breaker: 'data',
  clock: {
    // A clock that never calls back stands still.
    hostile: (fail) => ({ now: fail, setTimeout: fail === FAILURES.nonsense ? setTimeout : fail, clearTimeout: fail }),
    told: /^clock\.now\(\) of pool p failed$/,
  },
  env: 'data',
  expose: 'data',
  heartbeat: 'data',
  inspect: { hostile: (fail) => ({ next: fail }), told: /^the inspector of supervisor p failed$/ },
  logger: { hostile: (fail) => hostileLoggers(fail)[0] as NonNullable<PoolOptions['logger']> },
  tools: 'data',
  types: {
    hostile: (fail) => {
      const isAnswer = fail === FAILURES.nonsense
      // Whatever a decoder answers with is a value; an encoder has to answer with a value that can be sent.
      return [{ name: 'Odd', class: Odd, encode: isAnswer ? Symbol : fail, decode: isAnswer ? explode : fail }]
    },
  },
}
const CALL_OPTIONS: Rows<CallOptions> = {
  onProgress: { hostile: (fail) => fail }, // see `progress.test.ts`
  signal: {
    hostile: (fail) =>
      Object.defineProperty({ aborted: false, addEventListener: fail, removeEventListener: fail }, 'reason', {
        get: explode,
      }) as unknown as AbortSignal,
  },
}
const EVENTS: { readonly [E in keyof PoolEvents]: true } = {
  'worker.start': true,
  'worker.ready': true,
  'worker.exit': true,
  'worker.backoff': true,
  'worker.parked': true,
  'worker.unparked': true,
  'worker.output': true,
  'call.retry': true,
  'session.lost': true,
}
const eventNames = Object.keys(EVENTS) as (keyof PoolEvents)[]

test('each member of the options that may hold code of the user’s has a row, and each event', () => {
  expect(Object.keys(OPTIONS).sort()).toEqual(declared('packages/pool/src/options.ts', 'PoolOptions').hooks)
  expect(Object.keys(CALL_OPTIONS).sort()).toEqual(declared('packages/pool/src/options.ts', 'CallOptions').hooks)
  expect(Object.keys(EVENTS).sort()).toEqual(declared('packages/pool/src/api.ts', 'PoolEvents').members)
})

failOnUncaught()

/**
 * Runs a pool from start to stop: calls of every kind, a worker that is killed, a worker that crashes. Every call
 * settles as it does without a fault in the options.
 */
async function live(home: Habitat, options: Partial<PoolOptions>, hear: (pool: Pool) => void): Promise<void> {
  home.expectedErrors.push(/ failed$/)
  const pool = createPool({
    ...home.common,
    name: 'p',
    tools: TOOLS,
    size: 2,
    concurrency: 2,
    backoff: { first: 1, jitter: 'none' },
    ...options,
  })
  hear(pool)
  await pool.start()
  const settled: string[] = []
  const call = (name: string, ...args: Parameters<Pool['call']>): Promise<void> =>
    pool.call(...args).then(
      () => void settled.push(`${name}: ok`),
      (error: unknown) => void settled.push(`${name}: ${isTerrariumError(error) ? error.code : String(error)}`),
    )
  const controller = new AbortController()
  const own = call('idempotent', 'echo_slowly', { seconds: 0.3 }, { idempotent: true })
  await eventually('it is with a worker', () => pool.stats.inFlight === 1)
  expect(pool.kill()).toMatchObject({ worker: expect.any(String) })
  await own
  await eventually('both workers are ready', () => pool.stats.ready === 2)
  // As many calls as the workers hold, so that no call waits.
  await Promise.all([
    call('value', 'echo', { value: 1 }),
    call('no value', 'echo', { value: new Odd() }),
    call('raises', 'fail', { message: 'no' }),
    call('deadline', 'sleep_async', { seconds: 60 }, { timeout: 50 }),
    call('aborted', 'sleep_async', { seconds: 60 }, { signal: controller.signal }),
    new Promise<void>((resolve) => {
      setTimeout(() => {
        controller.abort()
        resolve()
      }, 50)
    }),
  ])
  await call('own type', 'odd')
  await call('dies', 'die')
  await eventually('the workers have let go of what was stopped', () => pool.stats.inFlight === 0)
  const last = call('in flight at the end', 'echo_slowly')
  await eventually('it is with a worker again', () => pool.stats.inFlight === 1)
  const stopped = pool.stop()
  expect(await stopped).toEqual({ processesLeft: 0 })
  await last
  await turn()
  expect(settled.sort()).toEqual([
    'aborted: CANCELLED',
    'deadline: DEADLINE_EXCEEDED',
    'dies: WORKER_CRASHED',
    'idempotent: ok',
    'in flight at the end: ok',
    'no value: INVALID_ARGUMENT',
    'own type: RESULT_NOT_SENDABLE',
    'raises: PYTHON_ERROR',
    'value: ok',
  ])
  expect(pool.stats).toMatchObject({ accepted: 8, completed: 3, failed: 5, queued: 0, inFlight: 0, ready: 0 })
  expect(pool.status).toBe('stopped')
}

const rows = (table: Readonly<Record<string, Row<unknown> | 'data'>>): [string, Row<unknown>][] =>
  Object.entries(table).filter((entry): entry is [string, Row<unknown>] => entry[1] !== 'data')

const told = (home: Habitat, pattern: RegExp): number => home.log.filter(({ msg }) => pattern.test(msg)).length

test('C1: without a failing hook the pool of this test does all its steps', async () => {
  await live(habitat(), {}, () => undefined)
})

describe.each(Object.entries(FAILURES))('C1: user code that answers with %s', (how, fail) => {
  test.each(rows(OPTIONS))('option %s', async (name, { hostile, told: pattern }) => {
    const home = habitat()
    await live(home, { [name]: hostile(fail) }, () => undefined)
    const isAnswer = how === 'nonsense' && name === 'inspect'
    if (pattern !== undefined && !isAnswer) expect(told(home, pattern)).toBe(1)
  })
})

test('C1: an inspector whose getter throws is reported once', async () => {
  const home = habitat()
  await live(home, { inspect: LOGGERS[2] }, () => undefined)
  expect(told(home, /^the inspector of supervisor p failed$/)).toBe(1)
})

const LOGGERS = hostileLoggers(explode) as readonly NonNullable<PoolOptions['logger']>[]

test.each(LOGGERS.slice(0, 2).map((logger, index) => [index, logger] as const))(
  'C1: a logger that throws, wherever it can (%d)',
  async (_, logger) => {
    await live(habitat(), { logger }, () => undefined)
  },
)

test('C1: a logger or a clock whose getters throw is a mistake in the options', () => {
  const { common } = habitat()
  for (const name of ['logger', 'clock']) {
    expect(() => createPool({ ...common, name: 'p', tools: TOOLS, [name]: LOGGERS[2] })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`${name} cannot be read: boom`),
      }),
    )
  }
})

test.each([
  ['explode', explode],
  ['reject', reject],
])('C1: all hooks, and listeners for every event, at once, by %s', async (_, fail) => {
  const all = Object.fromEntries(rows(OPTIONS).map(([name, { hostile }]) => [name, hostile(fail)]))
  await live(habitat(), all, (pool) => {
    for (const event of eventNames) pool.on(event, fail)
  })
})

test('C1: listeners may call any method of the pool at every event', async () => {
  const home = habitat()
  const settled: Promise<unknown>[] = []
  let heard = 0
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS, size: 2, concurrency: 4 })
  for (const event of eventNames) {
    const listener = (): void => {
      heard += 1
      pool.off(event, listener)
      pool.on(event, () => undefined)
      const calls = [
        pool.call('echo', { value: event }, { idempotent: true }),
        pool.call('sleep_async', { seconds: 60 }, { timeout: 5 }),
        pool.call('echo', { value: 1 }, { signal: AbortSignal.abort() }),
        pool.start(),
        ...(event === 'call.retry' ? [pool.stop()] : []),
      ]
      settled.push(...calls.map((call) => call.catch(() => undefined)))
      if (event !== 'worker.exit') pool.kill()
    }
    pool.on(event, listener)
  }
  // A listener may stop the pool before it has started.
  await pool.start().catch(() => undefined)
  const call = pool.call('echo_slowly', { seconds: 60 }, { idempotent: true }).catch(() => undefined)
  for (let n = 0; pool.status === 'running' && n < 500; n += 1) {
    pool.kill()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  await Promise.all([call, ...settled])
  expect(heard).toBeGreaterThanOrEqual(4) // start, ready, exit, retry
  const { accepted, completed, failed, queued, inFlight } = pool.stats
  expect({ sum: completed + failed, queued, inFlight }).toEqual({ sum: accepted, queued: 0, inFlight: 0 })
})

test('C1: a getter of arguments or options that stops the pool, and a getter that throws', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS })
  await pool.start()
  const invalid = { code: 'INVALID_ARGUMENT' }
  const thrower = (name: string): never => Object.defineProperty({}, name, { enumerable: true, get: explode }) as never
  const proxy = new Proxy({}, { ownKeys: explode, get: explode, getPrototypeOf: explode })
  await expect(pool.call('echo', thrower('value'))).rejects.toMatchObject({ ...invalid, cause: boom })
  await expect(pool.call('echo', { value: { deep: [thrower('x')] } })).rejects.toMatchObject(invalid)
  await expect(pool.call('echo', { value: proxy })).rejects.toMatchObject(invalid)
  await expect(pool.call('echo', { value: { toJSON: explode } })).rejects.toMatchObject(invalid)
  for (const name of ['timeout', 'signal', 'idempotent']) {
    await expect(pool.call('echo', {}, thrower(name))).rejects.toMatchObject({ ...invalid, cause: boom })
  }
  const aborted = Object.defineProperty(new AbortController().signal, 'aborted', { get: explode })
  await expect(pool.call('echo', {}, { signal: aborted })).rejects.toMatchObject({ ...invalid, cause: boom })
  const mute = Object.defineProperty(AbortSignal.abort(), 'reason', { get: explode })
  await expect(pool.call('echo', {}, { signal: mute })).rejects.toMatchObject({ code: 'CANCELLED', cause: boom })
  const deaf = CALL_OPTIONS.signal as Row<AbortSignal>
  await expect(pool.call('echo', {}, { signal: deaf.hostile(explode) })).rejects.toMatchObject({
    ...invalid,
    cause: boom,
  })
  expect(pool.stats).toMatchObject({ accepted: 1, failed: 1, inFlight: 0, queued: 0 })

  const strange = Object.create(null) as Error // what cannot even be shown
  const odd = Object.defineProperty({}, 'value', { enumerable: true, get: () => { throw strange } }) // prettier-ignore
  await expect(pool.call('echo', odd as never)).rejects.toMatchObject(invalid)

  let stopped: Promise<unknown> | undefined
  const stopper = Object.defineProperty({}, 'value', { enumerable: true, get: () => void (stopped = pool.stop()) })
  await expect(pool.call('echo', stopper as never)).rejects.toMatchObject({ code: 'STOPPED' })
  expect(await stopped).toEqual({ processesLeft: 0 })
  expect(pool.stats).toMatchObject({ accepted: 1, failed: 1 })
})

test('C1: options are read once: getters that throw are a mistake, and later changes have no effect', async () => {
  const home = habitat()
  const make = (options: object): Pool => createPool({ ...home.common, name: 'p', tools: TOOLS, ...options })
  for (const name of ['env', 'heartbeat', 'backoff', 'breaker']) {
    const hostile = Object.defineProperty({}, 'A', { enumerable: true, get: explode })
    expect(() => make({ [name]: hostile })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', cause: boom }))
  }
  const type = Object.defineProperty({ encode: Symbol, class: Odd }, 'name', { enumerable: true, get: explode })
  expect(() => make({ types: [type] })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', cause: boom }))
  const whole = Object.defineProperty({ name: 'p', tools: TOOLS }, 'size', { enumerable: true, get: explode })
  expect(() => createPool(whole as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', cause: boom }))

  const options = { ...home.common, name: 'p', tools: [TOOLS], env: { A: 'first' } }
  const pool = createPool(options)
  Object.defineProperty(options.env, 'A', { get: explode })
  options.tools.length = 0
  await pool.start()
  expect(await pool.call('variable', { name: 'A' })).toBe('first')
  await pool.stop()
})
