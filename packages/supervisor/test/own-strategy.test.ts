import { describe, expect, test } from '@jest/globals'
import { exit, exitReasonOf } from '@terrarium/supervisor/otp'
import type { RestartPlan, RestartStrategy } from '@terrarium/supervisor/strategies'
import { bench, child, idle, slow, type Bench } from './support.ts'
import { started, flaky } from './started.ts'

const moves = (it: Bench): string[] => it.take('child.exit', 'child.start').map((move) => move.replace('child.', ''))

const coded = (code: string): Error => Object.assign(new Error(code), { code })

/** The failed child and every child that depends on it by its id: `c<a` depends on `a`. */
const dependents: RestartStrategy = {
  name: 'dependents',
  plan: (failed, children) => ({
    restart: Array.from(children, ({ id }) => id).filter((id) => id.endsWith(`<${failed.id}`)),
  }),
}

test('a custom strategy restarts the children that it names', async () => {
  const it = await started({ strategy: dependents }, 'c<b', 'b', 'x', 'd<b')
  await it.crash('b')
  expect(moves(it)).toEqual(['exit b', 'exit d<b', 'exit c<b', 'start c<b', 'start b', 'start d<b'])
  await it.app.stop()
})

test('a strategy that throws ends the supervisor, in order', async () => {
  const faulty = new Error('faulty')
  const strategy: RestartStrategy = {
    name: 'faulty',
    plan: () => {
      throw faulty
    },
  }
  const it = await started({ strategy }, 'a', 'b')
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit b'])
  expect(it.events.at(-1)).toMatchObject({ reason: { error: { code: 'STOPPED', cause: faulty } } })
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['an object', {}],
  ['an object', { restart: null }],
  ['an object', { restart: 5 }],
  ['an object', { restart: [1] }],
  ['an object', Promise.resolve({ restart: [] })],
])('a strategy that returns %s instead of a plan ends the supervisor, in order', async (_, plan) => {
  const it = await started({ strategy: { name: 'odd', plan: () => plan as RestartPlan } }, 'a', 'b')
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit b'])
  const cause: unknown = expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/^strategy odd answered .* without a list of ids$/) as unknown,
    hint: expect.stringContaining('{ restart: ids }') as unknown,
  })
  expect(it.events.at(-1)).toMatchObject({ reason: { error: { code: 'STOPPED', cause } } })
})

describe.each(['default', 'otp'] as const)('E6: mode %s: a plan', (mode) => {
  test.each<[what: string, restart: unknown, message: string, details: object]>([
    ['names an unknown child', ['x'], "named 'x', no child of supervisor app", { unknown: ['x'] }],
    [
      'names an unknown child too',
      ['a', 'x', 'y'],
      "named 'x', 'y', no child of supervisor app",
      { unknown: ['x', 'y'] },
    ],
    ['names nothing as a child', [''], "named '', no child of supervisor app", { unknown: [''] }],
    [
      'names a child of Object',
      ['toString'],
      "named 'toString', no child of supervisor app",
      { unknown: ['toString'] },
    ],
    ['names a child twice', ['a', 'b', 'b'], "named 'b' more than once", { repeated: ['b'] }],
    ['names the failed child twice', ['a', 'a'], "named 'a' more than once", { repeated: ['a'] }],
    [
      'makes both mistakes',
      ['b', 'x', 'b'],
      "named 'x', no child of supervisor app and named 'b' more than once",
      { unknown: ['x'], repeated: ['b'] },
    ],
    ['names far too many', Array.from({ length: 1_000 }, (_, i) => `n${i}`), "'n9', …, no child of supervisor app", {}],
    ['is a string', 'ab', 'answered an object without a list of ids', {}],
    ['is a set', new Set(['a']), 'answered an object without a list of ids', {}],
    ['has a hole', [, 'a'], 'answered an object without a list of ids', {}], // oxlint-disable-line no-sparse-arrays -- the hole is the fault
    ['is a list of children', [{ id: 'a' }], 'answered an object without a list of ids', {}],
  ])('that %s is an error that says so, and no child is left running', async (_, restart, message, details) => {
    const strategy = { name: 'odd', plan: () => ({ restart }) as RestartPlan }
    const it = await started({ mode, strategy }, 'a', 'b')
    const refs = ['a', 'b'].map((id) => it.ref(id))
    await it.crash('a')
    await it.clock.advance(60_000)
    expect(moves(it)).toEqual(['exit a', 'exit b'])
    const cause: unknown = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(
        `strategy odd ${message.startsWith("'n9") ? "named 'n0', " : message}`,
      ) as unknown,
      hint: expect.stringMatching(/^[A-Z].*\.$/) as unknown,
      details: expect.objectContaining(details) as unknown,
    })
    const reason = { type: 'error', error: expect.objectContaining({ code: 'STOPPED', cause }) as unknown }
    expect(it.events.at(-1)).toEqual({ type: 'supervisor.exit', supervisor: 'app', reason })
    expect((it.app.ref.getSnapshot().error as { cause: Error }).cause.message).toContain(message)
    for (const ref of refs) expect(exitReasonOf(ref)).toBeDefined()
    expect([it.app.children.map(({ state }) => state), it.clock.pending]).toEqual([['stopped', 'stopped'], 0])
  })

  test('may leave out the failed child, which is restarted all the same', async () => {
    for (const restart of [[], ['b']]) {
      const it = await started({ mode, strategy: { name: 'forgetful', plan: () => ({ restart }) } }, 'a', 'b')
      await it.crash('a')
      expect(it.app.children).toMatchObject([{ incarnation: 2 }, { incarnation: 1 + restart.length }])
      await it.app.stop()
    }
  })

  test('that is wrong in a retry only, after a start that has failed', async () => {
    const plan = ({ id }: { id: string }, _: unknown, { phase }: { phase: string }): RestartPlan => ({
      restart: [phase === 'start' ? 'x' : id],
    })
    const children = [flaky('a', 1), child('b')]
    const it = await started({ mode, intensity: 5, strategy: { name: 'odd', plan }, children })
    exit(it.ref('a'), { type: 'killed' })
    await it.clock.advance(60_000)
    expect(it.events.at(-1)).toMatchObject({ reason: { error: { cause: { details: { unknown: ['x'] } } } } })
    expect(it.app.children.map(({ state }) => state)).toEqual(['stopped', 'stopped'])
  })

  test('that throws any value, or whose getters throw, ends the supervisor, in order', async () => {
    const explode = (): never => {
      throw faulty // oxlint-disable-line typescript/only-throw-error -- anything can be thrown
    }
    const faulty = Object.freeze(Object.create(null) as object)
    const plans: (() => unknown)[] = [
      explode,
      () => ({
        get restart() {
          return explode()
        },
      }),
      () => ({ restart: new Proxy(['a'], { get: explode }) }),
    ]
    for (const plan of plans) {
      const it = await started({ mode, strategy: { name: 'odd', plan: plan as () => RestartPlan } }, 'a', 'b')
      await it.crash('a')
      expect(moves(it)).toEqual(['exit a', 'exit b'])
      expect(it.events.at(-1)).toMatchObject({ reason: { type: 'error', error: { code: 'STOPPED', cause: faulty } } })
    }
  })
})

test.each(['default', 'otp'] as const)(
  'mode %s: a child that was to be started after a failing child is started after all, whatever the strategy plans for the failing child',
  async (mode) => {
    let starts = 0
    const logic = (): typeof idle => {
      starts += 1
      if (starts === 2) throw new Error('not now')
      return idle
    }
    const strategy: RestartStrategy = {
      name: 'all with a, others alone',
      plan: ({ id }) => ({ restart: id === 'a' ? ['a', 'b', 'c'] : [id] }),
    }
    const children = [child('a'), child('b', { logic }), child('c')]
    const it = await started({ mode, strategy, children, ...(mode === 'otp' ? { intensity: 5 } : {}) })
    await it.crash('a')
    await it.clock.advance(1_000)
    expect(moves(it)).toEqual(['exit a', 'exit c', 'exit b', 'start a', 'start b', 'start c'])
    expect(starts).toBe(3)
    await it.app.stop()
  },
)

test.each([
  ['ends for good', { restart: 'transient' }, { type: 'shutdown' }, 'stopped'],
  ['lacks its configuration', {}, { type: 'error', error: coded('CONFIGURATION') }, 'parked'],
  ['has used up its attempts', { backoff: { maxAttempts: 0 } }, { type: 'error', error: new Error('boom') }, 'parked'],
] as const)(
  'a child that was to be started after a child that %s instead of becoming ready is started',
  async (_, more, reason, state) => {
    const it = bench({ strategy: 'one_for_all', children: [child('a'), slow('b', more), child('c')] })
    const start = it.app.start()
    await it.send('b', { type: 'ready' })
    await start
    await it.clock.advance(10)
    it.take()
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'exit c', 'exit b', 'start a', 'start b'])
    await it.send('b', reason.type === 'error' ? { type: 'throw', error: reason.error } : { type: 'end', reason })
    expect(moves(it)).toEqual(['exit b', 'start c'])
    expect(it.state('b')).toBe(state)
    await it.app.stop()
  },
)

test.each(['default', 'otp'] as const)('mode %s: a strategy sees the failed child as restarting', async (mode) => {
  const seen: string[] = []
  const strategy: RestartStrategy = {
    name: 'curious',
    plan: (failed, children) => {
      seen.push(failed.state, ...Array.from(children, ({ id, state }) => `${id} ${state}`))
      return { restart: [failed.id] }
    },
  }
  const it = await started({ mode, strategy }, 'a', 'b')
  await it.crash('a')
  expect(seen).toEqual(['restarting', 'a restarting', 'b running'])
  await it.app.stop()
})
