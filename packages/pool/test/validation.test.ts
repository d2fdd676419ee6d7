import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { toolEntries } from '../src/tool-entries.ts'
import { mistakesOf } from '../../../test/support/mistakes.ts'
import { habitat, TOOLS } from '../../../test/support/terrarium.ts'

const right = { name: 'a', tools: 'tools.py' }

test('2, B8: a pool names every wrong option at once, unknown ones with the name that was meant', async () => {
  class Money {
    readonly amount = 1
  }
  const options = {
    name: 'a b',
    tools: 4,
    sise: 4,
    qeueuLimit: 5,
    colour: 'green',
    size: '4',
    concurrency: 0,
    maxDeaths: null,
    startTimeout: Infinity,
    drainTimeout: -1,
    cancelGrace: 1.5,
    grace: '5000',
    output: 'stdout',
    heartbeat: false,
    python: 3,
    cwd: ['/tmp'],
    stateDir: 'a\0b',
    env: { 'A=B': 'x', C: 1 },
    containment: 'docker',
    transport: 'http',
    logger: 'pino',
    types: [
      { name: '', decode: 1 },
      { name: 'Money', clas: Money },
      null,
      { name: 'Money', class: Money, encode: String },
    ],
    backoff: { base: -1, fisrt: 2 },
    breaker: 7,
    inspect: 1,
    clock: Date,
  }
  expect(await mistakesOf(() => createPool(options as never))).toEqual([
    'sise is unknown: did you mean size?',
    'qeueuLimit is unknown: did you mean queueLimit?',
    'colour is unknown: there is no such option',
    "name must be 1 to 64 letters, digits, dots, underscores or dashes, not 'a b'",
    "tools must be the path or file: URL of a Python file, a module's name (pkg.mod), or an array of these, not 4",
    "size must be a whole number from 1 to 1024, not '4'",
    'concurrency must be a whole number from 1 to 65536, not 0',
    'maxDeaths must be a whole number from 1 to 1000, not null',
    'startTimeout must be whole ms from 1 to 2147483647, not Infinity',
    'cancelGrace must be whole ms from 0 to 2147483647, not 1.5',
    'drainTimeout must be whole ms from 0 to 2147483647, not -1',
    "grace must be whole ms from 0 to 2147480647, not '5000'",
    "heartbeat must be an object or 'off', not false",
    'python must be the path of an interpreter, or of the folder of a virtual environment, not 3',
    'cwd must be the path of a folder, not an array',
    "stateDir must be the path of a folder, not 'a\0b'",
    'env["A=B"] must have a name without = and without NUL',
    'env["C"] must be a string, not 1',
    "containment must be auto, pidns, cgroup or shepherd, not 'docker'",
    "logger must be a logger of pino, or an object with child, debug, info, warn and error, not 'pino'",
    "transport must be socket or grpc, not 'http'",
    "output must be stderr, log or ignore, not 'stdout'",
    "types[0].name must be a string of 1 to 128 characters, not ''",
    'types[0].decode must be a function, not 1',
    'types[1].clas is unknown: did you mean class?',
    'types[1].encode or decode must be given',
    'types[2] must be an object, not null',
    "types[3].name 'Money' is taken by an earlier type",
    'clock must be an object with now, setTimeout, clearTimeout, not a function',
    'inspect must be a function or an observer, not 1',
    'backoff.fisrt is unknown: did you mean first?',
    'backoff.base must be ms, 0 or more, not -1',
    "breaker must be an object or 'off', not 7",
  ])
  expect(await mistakesOf(() => createPool({ ...right, heartbeat: { intervall: 1, misses: 0 } } as never))).toEqual([
    'heartbeat.intervall is unknown: did you mean interval?',
    'heartbeat.misses must be a whole number from 1 to 2147483647, not 0',
  ])
})

test('B8: tools are files, file: URLs and modules, and each that is none of these is named', async () => {
  const what = "the path or file: URL of a Python file, a module's name (pkg.mod)"
  const url = new URL('file:///tmp/my%20tools.py')
  expect(toolEntries([url, url.href, 'pkg.mod', '/a.py'])).toEqual([
    '/tmp/my tools.py',
    '/tmp/my tools.py',
    'pkg.mod',
    '/a.py',
  ])
  createPool({ ...right, tools: [url, url.href, 'pkg.mod', '/a.py'] })
  for (const tools of ['http://host/tools.py', 'file://host/tools.py', 'file:///a%2Fb.py', 'a\0.py']) {
    const [mistake] = (await mistakesOf(() => createPool({ ...right, tools }))) as string[]
    expect(mistake).toMatch(`tools must be ${what}, or an array of these, not`)
    if (URL.canParse(tools)) await mistakesOf(() => createPool({ ...right, tools: new URL(tools) }))
  }
  expect(await mistakesOf(() => createPool({ ...right, tools: [] }))).toEqual([
    `tools must be ${what}, or an array of these, not an empty one`,
  ])
  expect(await mistakesOf(() => createPool({ ...right, tools: ['a.py', 5, null] } as never))).toEqual([
    `tools[1] must be ${what}, not 5`,
    `tools[2] must be ${what}, not null`,
  ])
})

test('B8: null does not count as leaving an option out, and the options must be an object', async () => {
  for (const options of [null, undefined, 'x', [], 4]) {
    expect(await mistakesOf(() => createPool(options as never))).toEqual([
      expect.stringMatching(/^options must be an object/),
    ])
  }
  // An option that is missing here does not compile.
  const all: Readonly<Record<Exclude<keyof PoolOptions, 'name' | 'tools'>, true>> = {
    expose: true,
    size: true,
    python: true,
    transport: true,
    concurrency: true,
    queueLimit: true,
    maxDeaths: true,
    sessionLimit: true,
    startTimeout: true,
    cancelGrace: true,
    grace: true,
    heartbeat: true,
    drainTimeout: true,
    env: true,
    cwd: true,
    types: true,
    stateDir: true,
    containment: true,
    logger: true,
    output: true,
    backoff: true,
    breaker: true,
    inspect: true,
    clock: true,
  }
  for (const name of Object.keys(all)) {
    expect(await mistakesOf(() => createPool({ ...right, [name]: null }))).toEqual([
      expect.stringMatching(new RegExp(`^${name} must be .*, not null$`)),
    ])
    createPool({ ...right, [name]: undefined })
  }
})

test('B8: options under which a worker could fail for ever are refused when the pool is made', () => {
  const backoff = { base: 100, maxAttempts: Infinity, maxElapsed: Infinity }
  expect(() => createPool({ ...right, backoff, breaker: 'off' })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('could fail for ever') }),
  )
})

test('71, B8: a call names every wrong argument and option at once, and is not accepted', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS })
  await pool.start()
  const mistakes = (...args: unknown[]): Promise<unknown> =>
    mistakesOf(() => pool.call(...(args as Parameters<Pool['call']>)))
  expect(
    await mistakes('echo', {}, { timeout: '5000', signal: {}, idempotnet: true, idempotent: 1, priority: 3 }),
  ).toEqual([
    'options.idempotnet is unknown: did you mean idempotent?',
    "options.timeout must be ms, more than 0 and at most 2147483647, not '5000'",
    'options.signal must be an AbortSignal, not an object',
    'options.idempotent must be true or false, not 1',
    'options.priority must be high, normal or low, not 3',
  ])
  expect(await mistakes('', null, null)).toEqual([
    "tool must be the name of a tool, not ''",
    "args must be an object of keyword arguments, as { text: 'a' }, or an array of positional ones, not null",
    'options must be an object, not null',
  ])
  class Args {
    readonly value = 1
  }
  for (const args of ['a', 1, new Map([['value', 1]]), new Date(), new Args()]) {
    expect(await mistakes('echo', args)).toEqual([
      expect.stringContaining('args must be an object of keyword arguments'),
    ])
  }
  for (const timeout of [0, -1, NaN, Infinity, null, 2 ** 31]) {
    expect(await mistakes('echo', {}, { timeout })).toHaveLength(1)
  }
  for (const signal of [null, true, new EventTarget(), { aborted: false }]) {
    expect(await mistakes('echo', {}, { signal })).toEqual([expect.stringContaining('must be an AbortSignal')])
  }
  expect(await mistakes(undefined)).toEqual(['tool is missing: the name of a tool'])
  await expect(
    pool.call(
      'echo',
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('boom')
          },
        },
      ),
    ),
  ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', cause: { message: 'boom' } })
  expect(pool.stats.accepted).toBe(0)
  const options = { timeout: undefined, signal: undefined, idempotent: undefined }
  expect(await pool.call('echo', { value: 1 }, options as never)).toBe(1)
  await pool.stop()
})

test('B8: a listener for an event that a pool does not have is refused, with the name that was meant', () => {
  const pool = createPool(right)
  const ignore = (): undefined => undefined
  for (const [event, listener, message] of [
    ['worker.exitt', ignore, "there is no event 'worker.exitt': did you mean worker.exit?"],
    [null, ignore, 'there is no event null: there are worker.start, worker.ready, worker.exit, '],
    ['__proto__', ignore, "there is no event '__proto__': there are worker.start"],
    ['worker.exit', 'no function', "a listener for worker.exit must be a function, not 'no function'"],
  ] as const) {
    const wanted = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) })
    expect(() => {
      pool.on(event as never, listener as never)
    }).toThrow(wanted)
    expect(() => {
      pool.off(event as never, listener as never)
    }).toThrow(wanted)
  }
})

test('B8: an instance of another class, such as a Date, is refused as options', async () => {
  const pool = createPool(right)
  const { signal } = new AbortController()
  expect(await mistakesOf(() => pool.call('x', {}, signal as never))).toEqual([
    'options must be an object with options, { … }, not an instance of AbortSignal: there are timeout, signal, idempotent, priority, onProgress',
  ])
  class Other {
    readonly other = 1
  }
  expect(await mistakesOf(() => pool.call('x', {}, new Other() as never))).toEqual([
    expect.stringContaining('not an instance of Other'),
  ])
  const env = new Map([['A', 'b']])
  const wrong = { env, heartbeat: new Date(), backoff: new URL('http://host'), types: [new Set()] }
  expect(await mistakesOf(() => createPool({ ...right, ...wrong } as never))).toEqual([
    "heartbeat must be an object with options, { … } or 'off', not an instance of Date: there are interval, misses",
    'env must be an object of strings, { … }, not an instance of Map: give Object.fromEntries(env)',
    'types[0] must be an object with options, { … }, not an instance of Set: there are name, class, encode, decode',
    expect.stringContaining("backoff must be an object with options, { … } or 'off', not an instance of URL"),
  ])
  expect(await mistakesOf(() => createPool(new Map() as never))).toEqual([
    'options must be an object with options, { … }, not an instance of Map',
  ])
})

test('B8: an instance of a class that has options is read with what it has inherited', async () => {
  class Options {
    readonly name = 'a'
    get tools(): string {
      return 'tools.py'
    }
    get size(): number {
      return 0
    }
  }
  expect(await mistakesOf(() => createPool(new Options()))).toEqual([
    'size must be a whole number from 1 to 1024, not 0',
  ])
  createPool({ ...right, env: process.env as never, heartbeat: Object.create(null) as object })
})

test('B8: a revoked proxy is refused as options of a pool or of a call', async () => {
  const revoked = (target: object): never => {
    const { proxy, revoke } = Proxy.revocable(target, {})
    revoke()
    return proxy as never
  }
  expect(await mistakesOf(() => createPool(revoked({})))).toEqual(['options must be an object, not a revoked proxy'])
  for (const [name, target] of Object.entries({ env: {}, heartbeat: {}, types: [], clock: {}, logger: {} })) {
    expect(await mistakesOf(() => createPool({ ...right, [name]: revoked(target) }))).toEqual([
      expect.stringMatching(new RegExp(`^${name} must be .*, not a revoked proxy$`)),
    ])
  }
  expect(await mistakesOf(() => createPool({ ...right, tools: revoked([]) }))).toEqual([
    expect.stringContaining('tools cannot be read: '),
  ])
  const pool = createPool(right)
  expect(await mistakesOf(() => pool.call('x', {}, revoked({})))).toEqual([
    'options must be an object, not a revoked proxy',
  ])
  expect(await mistakesOf(() => pool.call('x', {}, { signal: revoked({}) }))).toEqual([
    'options.signal must be an AbortSignal, not a revoked proxy',
  ])
})
