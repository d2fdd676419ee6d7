import { expect, test } from '@jest/globals'
import { createSupervisor, supervisor, TerrariumError, type SupervisorOptions } from '@terrarium/supervisor'
import { mistakesIn } from '../../../test/support/mistakes.ts'
import { child, idle } from './support.ts'

function mistakes(options: unknown): readonly string[] {
  try {
    createSupervisor(options as never)
  } catch (error) {
    expect(error).toBeInstanceOf(TerrariumError)
    return mistakesIn(error)
  }
  return []
}

test('an error names every mistake at once, and nothing is started', () => {
  let made = 0
  const counting = (): typeof idle => {
    made += 1
    return idle
  }
  expect(
    mistakes({
      strategy: 'one_for_none',
      mode: 'erlang',
      intensity: -1,
      period: 0,
      backoff: { base: -1, factor: 0.5, jitter: 'some', delay: 100 },
      breaker: 7,
      classify: 'by name',
      clock: {},
      children: [child('a', { logic: counting }), { id: 'b', logic: idle, restart: 'prmanent', shutdown: -10 }, 42],
    }),
  ).toEqual([
    "strategy must be one_for_one, one_for_all, rest_for_one, dependents, simple_one_for_one, dynamic or an object with name and plan(), not 'one_for_none'",
    'intensity must be a whole number, 0 or more, not -1',
    'period must be ms, more than 0, not 0',
    'id is missing: a non-empty string',
    "mode must be default or otp, not 'erlang'",
    "classify must be a function, not 'by name'",
    'clock must be an object with now, setTimeout, clearTimeout, not an object',
    'backoff.base must be ms, 0 or more, not -1',
    'backoff.factor must be a number, 1 or more, not 0.5',
    "backoff.jitter must be equal, full, decorrelated or none, not 'some'",
    'backoff.delay must be a function, not 100',
    "breaker must be an object or 'off', not 7",
    "children[1].restart must be permanent, transient or temporary, not 'prmanent'",
    "children[1].shutdown must be whole ms, 'infinity' or 'brutal_kill', not -10",
    'children[2] must be an object, not 42',
  ])
  expect(made).toBe(0)
})

test.each([
  [{ logic: idle }, 'children[0].id is missing: a non-empty string'],
  [{ id: 'a' }, 'children[0].logic is missing: an actor logic or a function that makes one'],
  [{ id: 'a', logic: {} }, 'children[0].logic must be an actor logic or a function that makes one, not an object'],
  [
    { id: 'a', logic: idle, shutdown: 'x' },
    "children[0].shutdown must be whole ms, 'infinity' or 'brutal_kill', not 'x'",
  ],
  [{ id: 'a', logic: idle, type: 'wrker' }, "children[0].type must be worker or supervisor, not 'wrker'"],
])('a faulty specification: %j', (spec, mistake) => {
  expect(mistakes({ id: 'app', children: [spec] })).toEqual([mistake])
})

test.each([0, 1, 5_000, 'infinity', 'brutal_kill'])('shutdown %p is accepted', (shutdown) => {
  expect(mistakes({ id: 'app', children: [{ id: 'a', logic: idle, shutdown }] })).toEqual([])
})

test('B8: a name that is unknown is a mistake, with the name that was meant', () => {
  expect(
    mistakes({
      id: 'app',
      colour: 'green',
      stratgey: 'one_for_all',
      backoff: { fist: 1, maxattempts: 2 },
      breaker: { identicall: 3 },
      crashLoop: { windwo: 1 },
      children: [{ id: 'a', logic: idle, size: 3, retsart: 'transient', backoff: { bse: 1 } }],
    }),
  ).toEqual([
    'colour is unknown: there is no such option',
    'stratgey is unknown: did you mean strategy?',
    'crashLoop.windwo is unknown: did you mean window?',
    'backoff.fist is unknown: did you mean first?',
    'backoff.maxattempts is unknown: did you mean maxAttempts?',
    'breaker.identicall is unknown: did you mean identical?',
    'children[0].size is unknown: there is no such option',
    'children[0].retsart is unknown: did you mean restart?',
    'children[0].backoff.bse is unknown: did you mean base?',
  ])
})

test('B8: null does not count as leaving an option out', () => {
  // An option that is missing here does not compile.
  const all: Readonly<Record<Exclude<keyof SupervisorOptions, 'id'>, true>> = {
    strategy: true,
    restartStrategy: true,
    mode: true,
    intensity: true,
    period: true,
    backoff: true,
    breaker: true,
    autoShutdown: true,
    maxChildren: true,
    extraInput: true,
    giveUpWith: true,
    windowClock: true,
    reviveStopped: true,
    stopDuringStart: true,
    startRate: true,
    crashLoop: true,
    keepHistory: true,
    classify: true,
    children: true,
    clock: true,
    random: true,
    onFault: true,
    inspect: true,
    snapshot: true,
    journal: true,
  }
  for (const name of Object.keys(all)) {
    const said = name === 'extraInput' ? 'extraInput is for strategy dynamic' : `${name} must be .*, not null`
    expect(mistakes({ id: 'app', [name]: null })[0]).toMatch(new RegExp(`^${said}$`))
  }
  expect(mistakes({ id: null })).toEqual(['id must be a non-empty string, not null'])
})

test('B8: values in mistakes are cut to a readable length', () => {
  const [mistake = ''] = mistakes({ id: 'app', mode: 'x'.repeat(1_000_000) })
  expect(mistake).toMatch(/^mode must be default or otp, not 'x{99}…$/)
})

test('B8: a specification that is added later is checked likewise', async () => {
  const app = createSupervisor({ id: 'app', children: [] })
  await app.start()
  await expect(app.startChild({ id: 'a', logic: idle, retsart: 'transient' } as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: { mistakes: ['child.retsart is unknown: did you mean restart?'] },
  })
  await app.stop()
})

test('two children with one id are refused', () => {
  expect(mistakes({ id: 'app', children: [child('a'), child('b'), child('a')] })).toEqual([
    "children[2].id 'a' is taken by an earlier child",
  ])
})

test('mode otp has whole seconds, no backoff and no breaker', () => {
  expect(mistakes({ id: 'app', mode: 'otp', period: 1_500, backoff: { first: 1 }, breaker: {} })).toEqual([
    'period must be whole seconds in ms, more than 0, not 1500',
    'backoff does not exist in mode otp',
    'breaker does not exist in mode otp',
  ])
})

test('mode otp refuses options that it does not have, unless they are off', () => {
  const spec = { backoff: { base: 1 }, breaker: {} }
  expect(
    mistakes({ id: 'app', mode: 'otp', classify: () => undefined, children: [{ ...child('a'), ...spec }] }),
  ).toEqual([
    'classify does not exist in mode otp',
    'children[0].backoff does not exist in mode otp',
    'children[0].breaker does not exist in mode otp',
  ])
  expect(mistakes({ id: 'app', mode: 'otp', children: [child('a', { backoff: 'off', breaker: 'off' })] })).toEqual([])
})

test('extraInput is for strategy dynamic', () => {
  const options = { id: 'app', extraInput: {} }
  const mistake = ['extraInput is for strategy dynamic']
  expect(mistakes({ ...options, strategy: 'simple_one_for_one', children: [child('a')] })).toEqual(mistake)
  expect(mistakes(options)).toEqual(mistake)
  expect(mistakes({ ...options, strategy: 'dynamic' })).toEqual([])
})

test('options that are no object are refused', () => {
  expect(mistakes(undefined)).toEqual(['options must be an object, not undefined'])
  expect(() => supervisor(null as never)).toThrow('options must be an object')
})

test('B8: a listener for an unknown event, and a listener that is no function, are refused', () => {
  const app = createSupervisor({ id: 'app' })
  const refused = (event: unknown, listener: unknown, message: string): void => {
    for (const method of ['on', 'off'] as const) {
      expect(() => app[method](event as never, listener as never)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
      )
    }
  }
  const ignore = (): undefined => undefined
  refused('child.exitt', ignore, "there is no event 'child.exitt': did you mean child.exit?")
  refused('__proto__', ignore, "there is no event '__proto__': there are child.start, child.ready, child.exit, ")
  refused('*', ignore, "there is no event '*': there are child.start")
  for (const event of [null, undefined, Symbol('child.exit'), ['child.exit']]) {
    refused(event, ignore, 'there is no event')
  }
  for (const listener of ['no function', null, undefined, {}]) {
    refused('child.exit', listener, 'a listener for child.exit must be a function, not ')
  }
  expect(app.on('child.exit', ignore).off('child.exit', ignore)).toBe(app)
})

test('B8: an instance of another class, such as a Date, is refused as options', () => {
  const children = [child('a')]
  const what = 'there are first, base, factor, max, jitter, delay, stableAfter, maxAttempts, maxElapsed'
  expect(
    mistakes({ id: 'app', children, backoff: new URL('http://host'), breaker: new Map(), crashLoop: /x/ }),
  ).toEqual([
    "crashLoop must be an object with options, { … } or 'off', not an instance of RegExp: there are failures, window",
    `backoff must be an object with options, { … } or 'off', not an instance of URL: ${what}`,
    "breaker must be an object with options, { … } or 'off', not an instance of Map: there are identical, unstable, minUptime, openFor, maxOpenFor",
  ])
  class Empty {
    readonly #nothing = 0
    get nothing(): number {
      return this.#nothing
    }
  }
  expect(mistakes({ id: 'app', children, backoff: new Empty() })).toEqual([
    expect.stringContaining('not an instance of Empty'),
  ])
  expect(mistakes(new Date())).toEqual(['options must be an object with options, { … }, not an instance of Date'])
  expect(mistakes({ id: 'app', children: [new Date()] })).toEqual([
    'children[0] must be an object with options, { … }, not an instance of Date',
  ])
})

test('B8: instances of classes that have options, inherited ones, and objects without a prototype are options', () => {
  class Backoff {
    readonly #base: unknown = 'x'
    get base(): unknown {
      return this.#base
    }
  }
  const wrong = ["backoff.base must be ms, 0 or more, not 'x'"]
  for (const backoff of [
    new Backoff(),
    Object.create({ base: 'x' }) as object,
    Object.assign(Object.create(null) as object, { base: 'x' }),
  ]) {
    expect(mistakes({ id: 'app', backoff })).toEqual(wrong)
    expect(mistakes(Object.create({ id: 'app', backoff }))).toEqual(wrong)
  }
})

test('B8: an option that cannot be read is named, and what was thrown is the cause', () => {
  const boom = new Error('boom')
  const throwing = (name: string, rest: object = {}): object =>
    Object.defineProperty({ ...rest }, name, {
      enumerable: true,
      get: () => {
        throw boom
      },
    })
  const refusalOf = (options: unknown): unknown => {
    try {
      createSupervisor(options as never)
    } catch (error) {
      return error
    }
    return undefined
  }
  const refused = (at: string): unknown =>
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${at} cannot be read: boom`),
      cause: boom,
    })
  expect(refusalOf(throwing('children', { id: 'app' }))).toEqual(refused('children'))
  expect(refusalOf(throwing('mode', { id: 'app' }))).toEqual(refused('mode'))
  expect(refusalOf({ id: 'app', backoff: throwing('base') })).toEqual(refused('backoff.base'))
  expect(refusalOf({ id: 'app', children: [throwing('logic', { id: 'a' })] })).toEqual(refused('children[0].logic'))
  const nested = { id: 'a', logic: idle, breaker: throwing('openFor') }
  expect(refusalOf({ id: 'app', children: [nested] })).toEqual(refused('children[0].breaker'))
})

test('B8: a revoked proxy is refused', () => {
  const revoked = (target: object): unknown => {
    const { proxy, revoke } = Proxy.revocable(target, {})
    revoke()
    return proxy
  }
  expect(mistakes(revoked({}))).toEqual(['options must be an object, not a revoked proxy'])
  for (const [name, target] of Object.entries({ backoff: {}, clock: {}, strategy: {}, children: [], snapshot: {} })) {
    expect(mistakes({ id: 'app', [name]: revoked(target) })).toEqual([
      expect.stringMatching(new RegExp(`^${name} must be .*, not a revoked proxy$`)),
    ])
  }
  expect(mistakes({ id: 'app', children: [revoked({})] })).toEqual([
    'children[0] must be an object, not a revoked proxy',
  ])
})
