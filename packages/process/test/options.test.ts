import { env as real } from 'node:process'
import { expect, test } from '@jest/globals'
import { fromProgram, keep, openRuntime } from '@terrarium/process'
import { mistakesOf } from '../../../test/support/mistakes.ts'
import { freshState, onEnd, python } from './support.ts'

const BAD_ENV = { '': 'a', 'A=B': 'b', 'C\0': 'c', D: 'd\0', E: 1, F: null, G: undefined, OK: 'fine' }

const ENV_MISTAKES = [
  'env must have no variable with an empty name',
  'env["A=B"] must have a name without = and without NUL',
  'env["C\\u0000"] must have a name without = and without NUL',
  'env["D"] must be a string without NUL',
  'env["E"] must be a string, not 1',
  'env["F"] must be a string, not null',
  'env["G"] must be a string, not undefined',
]

const runtime = { spawn: () => undefined }

test('B8: each variable of the environment that cannot be one is named', async () => {
  expect(await mistakesOf(() => keep('x', [], { env: BAD_ENV as never }))).toEqual(ENV_MISTAKES)
  expect(await mistakesOf(() => fromProgram('x', [], { runtime: runtime as never, env: BAD_ENV as never }))).toEqual(
    ENV_MISTAKES,
  )
  expect(await mistakesOf(() => keep('x', [], { env: ['A=B'] as never }))).toEqual([
    'env must be an object of strings, not an array',
  ])
})

test('B8: keep names every wrong option at once, unknown ones with the name that was meant', async () => {
  const options = {
    nmae: 'x',
    startTimout: 5,
    colour: 'green',
    cwd: 1,
    ready: 'up',
    grace: '5',
    lines: 1,
    python: null,
    stateDir: 7,
    logger: {},
    containment: 'docker',
    restart: 'always',
    onExhausted: false,
    intensity: -1,
    backoff: { fist: 1, base: 'x' },
    clock: null,
  }
  expect(await mistakesOf(() => keep('x', [], options as never))).toEqual([
    'nmae is unknown: did you mean name?',
    'startTimout is unknown: did you mean startTimeout?',
    'colour is unknown: there is no such option',
    'cwd must be the path of a folder, not 1',
    "ready must be a RegExp or a function of a line, not 'up'",
    "grace must be whole ms from 0 to 2147483647, not '5'",
    'lines must be true or false, not 1',
    'python must be the path of an interpreter, or of the folder of a virtual environment, not null',
    'stateDir must be the path of a folder, not 7',
    "containment must be auto, pidns, cgroup or shepherd, not 'docker'",
    'logger must be a logger of pino, or an object with child, debug, info, warn and error, not an object',
    "restart must be permanent, transient or temporary, not 'always'",
    'onExhausted must be park or escalate, not false',
    'intensity must be a whole number, 0 or more, not -1',
    'clock must be an object with now, setTimeout, clearTimeout, not null',
    'backoff.fist is unknown: did you mean first?',
    "backoff.base must be ms, 0 or more, not 'x'",
  ])
})

test('B8: fromProgram names every wrong option at once, also of the input that it is given later', async () => {
  const wrong = { grace: -1, restart: 'permanent' }
  expect(await mistakesOf(() => fromProgram('x', 'y' as never, wrong as never))).toEqual([
    "args must be an array of strings, one for each argument, not 'y'",
    'restart is unknown: there are runtime, name, env, cwd, ready, startTimeout, grace, lines',
    'runtime is missing: what openRuntime() resolves to',
    'grace must be whole ms from 0 to 2147483647, not -1',
  ])
  const logic = fromProgram('x', [], { runtime: runtime as never })
  const input = { arg: ['a'], args: [1], env: { '': '' } }
  expect(await mistakesOf(() => logic.getInitialSnapshot({} as never, input as never))).toEqual([
    'input.arg is unknown: did you mean args?',
    'input.args must be an array of strings, one for each argument, not an array',
    'input.env must have no variable with an empty name',
  ])
})

test('B8: openRuntime names every wrong option at once', async () => {
  const options = { python: 'python3', statedir: '/tmp', containment: 1, reapInterval: 0, logger: console.log }
  expect(await mistakesOf(() => openRuntime(options as never))).toEqual([
    'statedir is unknown: did you mean stateDir?',
    "python must be the absolute path of a Python interpreter, not 'python3'",
    'logger must be a logger of pino, or an object with child, debug, info, warn and error, not a function',
    'containment must be auto, pidns, cgroup or shepherd, not 1',
    'reapInterval must be whole ms from 1 to 2147483647, not 0',
  ])
  expect(await mistakesOf(() => openRuntime(null as never))).toEqual(['options must be an object, not null'])
  expect(await mistakesOf(() => openRuntime(undefined as never))).toEqual(['options must be an object, not undefined'])
})

test('B8: a listener for an event that a program does not have is refused, with the name that was meant', async () => {
  const kept = keep('sleep', ['60'], { python, stateDir: freshState() })
  onEnd(() => kept.stop())
  await kept.whenReady()
  const ignore = (): undefined => undefined
  for (const [event, listener, message] of [
    ['program.redy', ignore, "there is no event 'program.redy': did you mean program.ready?"],
    ['child.exitt', ignore, "there is no event 'child.exitt': did you mean child.exit?"],
    ['toString', ignore, "there is no event 'toString': there are child.start"],
    ['program.line', undefined, 'a listener for program.line must be a function, not undefined'],
  ] as const) {
    expect(() => kept.on(event as never, listener as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    )
  }
})

const boom = new Error('boom')
const throwing = (name: string, rest: object = {}): never =>
  Object.defineProperty({ ...rest }, name, {
    enumerable: true,
    get: () => {
      throw boom
    },
  }) as never
const revoked = (target: object): never => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy as never
}

test('B8: an option that cannot be read is named, and what was thrown is the cause', async () => {
  const refused = async (use: () => unknown, at: string): Promise<void> => {
    await expect(Promise.resolve().then(use)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${at} cannot be read: boom`),
      cause: boom,
    })
  }
  await refused(() => openRuntime(throwing('stateDir', { python: '/python' })), 'stateDir')
  await refused(() => keep('x', [], throwing('env')), 'env')
  await refused(() => keep('x', [], { env: throwing('A') }), 'env.A')
  await refused(() => keep('x', [], { backoff: throwing('base') }), 'backoff.base')
  await refused(() => fromProgram('x', [], throwing('cwd', { runtime })), 'cwd')
  const logic = fromProgram('x', [], { runtime: runtime as never })
  await refused(() => logic.getInitialSnapshot({} as never, throwing('cwd')), 'input.cwd')
})

test('B8: a proxy that is revoked is no option', async () => {
  expect(await mistakesOf(() => openRuntime(revoked({})))).toEqual(['options must be an object, not a revoked proxy'])
  expect(await mistakesOf(() => keep('x', revoked([]), { env: revoked({}), logger: revoked({}) }))).toEqual([
    'args must be an array of strings, one for each argument, not a revoked proxy',
    'env must be an object of strings, not a revoked proxy',
    'logger must be a logger of pino, or an object with child, debug, info, warn and error, not a revoked proxy',
  ])
})

test('B8: an environment is a plain object: a Map is refused with what to give, process.env is taken', async () => {
  const refused = (env: object): Promise<unknown> => mistakesOf(() => keep('x', [], { env: env as never }))
  expect(await refused(new Map([['A', 'b']]))).toEqual([
    'env must be an object of strings, { … }, not an instance of Map: give Object.fromEntries(env)',
  ])
  expect(await refused(new Date())).toEqual(['env must be an object of strings, { … }, not an instance of Date'])
  expect(await mistakesOf(() => keep('x', [], new Date() as never))).toEqual([
    'options must be an object with options, { … }, not an instance of Date',
  ])
  for (const env of [process.env, real, Object.assign(Object.create(null) as object, { A: 'b' })]) {
    fromProgram('x', [], { runtime: runtime as never, env: env as never })
  }
})
