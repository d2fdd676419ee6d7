// E6: every fault that a plan with actions, or a memory, can have. One clear error, and nothing is left running.
import { describe, expect, test } from '@jest/globals'
import { exitReasonOf } from '@terrarium/supervisor/otp'
import type { RestartPlan } from '@terrarium/supervisor/strategies'
import { child, started, type Bench } from '../support.ts'

/** Nothing of the supervisor is left after a faulty plan; returns the error with which it ended. */
async function endOf(it: Bench): Promise<Error & { cause: Error & { hint?: string; details: object } }> {
  const refs = it.app.children.map(({ ref }) => ref)
  await it.crash('a')
  await it.clock.advance(60_000)
  for (const ref of refs) if (ref !== undefined) expect(exitReasonOf(ref)).toBeDefined()
  expect(it.clock.pending).toBe(0)
  expect(it.app.children.map(({ state }) => state)).toEqual(['stopped', 'stopped'])
  expect(it.app.ref.getSnapshot().status).toBe('error')
  return it.app.ref.getSnapshot().error as never
}

const faulty = (plan: unknown, mode: 'default' | 'otp' = 'default'): Promise<Bench> =>
  started({ mode, strategy: { name: 'odd', plan: () => plan as RestartPlan }, children: [child('a'), child('b')] })

const A = { action: 'restart', child: 'a' }
const LONGEST = 2 ** 31 - 1

test.each<[string, unknown, ...string[]]>([
  ['is no array', { a: 'restart' }, 'actions must be an array, not an object'],
  ['is a string', 'restart', "actions must be an array, not 'restart'"],
  ['has a hole', [A, , A], 'actions[1] must be { action, child }, not undefined', "actions name 'a' more than once"], // oxlint-disable-line no-sparse-arrays -- the hole is the fault
  ['is empty', [], "actions leave out 'a', the child that has failed"],
  ['forgets the failed child', [{ action: 'restart', child: 'b' }], "actions leave out 'a', the child that has failed"],
  [
    'has an unknown action',
    [{ action: 'revive', child: 'a' }],
    "actions[0].action must be one of restart, stop, park, delay, escalate, not 'revive'",
  ],
  ['has no action', [{ child: 'a' }], 'actions[0].action is missing: one of restart, stop, park, delay, escalate'],
  ['has an action of Object', [{ action: 'toString', child: 'a' }], "not 'toString'"],
  ['names no child', [A, { action: 'stop' }], 'actions[1].child is missing: the id of a child'],
  ['names a number', [A, { action: 'stop', child: 7 }], 'actions[1].child must be the id of a child, not 7'],
  [
    'names unknown children',
    [A, { action: 'stop', child: 'x' }, { action: 'stop', child: 'y' }],
    "actions[1].child names 'x', no child of supervisor app",
    "actions[2].child names 'y', no child of supervisor app",
  ],
  ['names a child twice', [A, { action: 'park', child: 'a' }], "actions name 'a' more than once"],
  ['delays without a time', [{ action: 'delay', child: 'a' }], `actions[0].by is missing: ms, from 0 to ${LONGEST}`],
  [
    'delays by less than nothing',
    [{ action: 'delay', child: 'a', by: -1 }],
    `by must be ms, from 0 to ${LONGEST}, not -1`,
  ],
  ['delays for ever', [{ action: 'delay', child: 'a', by: Infinity }], 'not Infinity'],
  ['delays by no number', [{ action: 'delay', child: 'a', by: NaN }], 'not NaN'],
  ['delays by a text', [{ action: 'delay', child: 'a', by: '5' }], "not '5'"],
  ['delays longer than a timer can', [{ action: 'delay', child: 'a', by: LONGEST + 1 }], `not ${LONGEST + 1}`],
  ['delays with the time of a park', [{ action: 'delay', child: 'a', by: 5, for: 5 }], 'actions[0].for is unknown'],
  [
    'parks for no time',
    [{ action: 'park', child: 'a', for: 0 }],
    `actions[0].for must be ms, more than 0 and at most ${LONGEST}, not 0`,
  ],
  ['parks for ever', [{ action: 'park', child: 'a', for: Infinity }], 'not Infinity'],
  ['says why with a number', [{ ...A, because: 7 }], 'actions[0].because must be a string, not 7'],
  ['has a field too many', [{ ...A, becuase: 'x' }], 'actions[0].becuase is unknown: did you mean because?'],
  [
    'escalates and more',
    [
      { action: 'escalate', child: 'a' },
      { action: 'stop', child: 'b' },
    ],
    'escalate must be the only action',
  ],
  [
    'escalates another child',
    [A, { action: 'escalate', child: 'b' }],
    'escalate must be the only action',
    "escalate is for 'a', the child that has failed",
  ],
])('a plan that %s is an error that says so', async (_, actions, ...texts) => {
  const error = await endOf(await faulty({ actions }))
  expect(error).toMatchObject({
    code: 'STOPPED',
    message: 'supervisor app gave up: strategy odd of child a',
    cause: { code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/^[A-Z].*\.$/) as unknown },
  })
  expect(error.cause.message).toMatch(/^strategy odd answered with a wrong plan: /)
  for (const text of texts) expect(error.cause.message).toContain(text)
})

test('a plan with both forms is an error', async () => {
  const error = await endOf(await faulty({ restart: ['a'], actions: [A] }))
  expect(error.cause.message).toContain('the plan has both `restart` and `actions`')
})

test('all mistakes are named at once, those of the memory too', async () => {
  const plan = {
    actions: [
      { action: 'hold', child: 'x' },
      { action: 'park', child: 'b', for: -1 },
    ],
    memory: new Map(),
  }
  const { cause } = await endOf(await faulty(plan))
  expect(cause.details).toMatchObject({ strategy: 'odd' })
  for (const text of ['not plain JSON', "not 'hold'", "names 'x'", 'for must be', 'leave out']) {
    expect(cause.message).toContain(text)
  }
})

test.each(['stop', 'park', 'delay', 'escalate'])('mode otp does not know the action %s', async (action) => {
  const { cause } = await endOf(
    await faulty({ actions: [{ action, child: 'a', ...(action === 'delay' ? { by: 1 } : {}) }] }, 'otp'),
  )
  expect(cause.message).toContain(`actions[0].action ${action} does not exist in mode otp`)
  expect(cause.hint).toBe('In mode `otp` a plan can only restart. Use mode `default` for other actions.')
})

test('mode otp knows the action restart, in its own order', async () => {
  const it = await faulty({ actions: [{ action: 'restart', child: 'b' }, A] }, 'otp')
  await it.crash('a')
  expect(it.take('child.exit', 'child.start')).toEqual([
    'child.exit a',
    'child.exit b',
    'child.start a',
    'child.start b',
  ])
  await it.app.stop()
})

const circle: unknown[] = []
circle.push({ circle })

describe.each([
  ['restart', { restart: ['a'] }],
  ['actions', { actions: [A] }],
])('with %s', (_, plan) => {
  test.each<[string, unknown, string]>([
    ['a function', { f: () => 1 }, 'f is a function'],
    ['a date', { at: new Date(0) }, 'at is an instance of a class'],
    ['a map', new Map(), 'the value is an instance of a class'],
    ['a number that is none', [1, [NaN]], '[1][0] is NaN'],
    ['a bigint', { n: 1n }, 'n is 1'],
    ['a symbol', { s: Symbol('s') }, 's is Symbol(s)'],
    ['a hole', [, 1], '[0] is undefined'], // oxlint-disable-line no-sparse-arrays -- the hole is the fault
    ['a circle', circle, 'it has more than 100 levels, or a circle'],
    ['too long a text', 'x'.repeat(65_535), 'its JSON is longer than 65536 characters'],
    ['too many parts', Array.from({ length: 40_000 }, () => 1), 'its JSON is longer than 65536 characters'],
    [
      'a getter that throws',
      {
        get x(): never {
          throw new Error('hands off')
        },
      },
      'hands off',
    ],
  ])('a memory that holds %s is an error', async (_name, memory, text) => {
    const { cause } = await endOf(await faulty({ ...plan, memory }))
    expect(cause.message).toContain(`answered with a memory that cannot be kept: `)
    expect(cause.message).toContain(text)
    expect(cause.hint).toMatch(/^[A-Z].*\.$/)
  })
})

test('a plan that throws while its actions are read ends the supervisor', async () => {
  const hostile = new Error('hands off')
  const explode = (): never => {
    throw hostile
  }
  const getter = Object.defineProperty({ child: 'a' }, 'action', { get: explode, enumerable: true })
  for (const actions of [new Proxy([A], { get: explode }), [getter]]) {
    expect((await endOf(await faulty({ actions }))).cause).toBe(hostile)
  }
})

test('a fault in the middle of other work leaves nothing running: a group that waits, and a start that fails', async () => {
  let calls = 0
  const it = await started({
    strategy: {
      name: 'odd',
      plan: () => {
        calls += 1
        return calls === 1 ? { actions: [{ action: 'delay', child: 'b', by: 500 }] } : { actions: [] }
      },
    },
    children: [child('a'), child('b')],
  })
  await it.crash('b')
  expect((await endOf(it)).cause.message).toContain("leave out 'a'")
})
