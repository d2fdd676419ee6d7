// The conformance suites with strategies that act and remember, with random cases, and with node:test.
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from '@jest/globals'
import type { ChildView, FailureClassifier, RestartStrategy } from '@terrarium/supervisor/strategies'
import { describeBackoff, describeFailureClassifier, describeRestartStrategy } from '@terrarium/supervisor/testing'
import { complaints } from './complaints.ts'

/** Parks the failed child, and restarts the children that need it after 5 s. */
const parker: RestartStrategy = {
  name: 'parker',
  plan: (failed, children) => ({
    actions: [
      { action: 'park', child: failed.id, for: 60_000 },
      ...Array.from(children)
        .filter(({ dependsOn }) => dependsOn.includes(failed.id))
        .map(({ id }) => ({ action: 'delay', child: id, by: 5_000 }) as const),
    ],
  }),
}

/** Restarts a child twice an hour, and stops it at the third failure. */
const counting: RestartStrategy<ChildView, Readonly<Record<string, readonly number[]>>> = {
  name: 'counting',
  plan: ({ id }, _, { now, memory = {} }) => {
    const recent = (memory[id] ?? []).filter((at) => now - at < 3_600_000)
    const action = recent.length < 2 ? 'restart' : 'stop'
    return { actions: [{ action, child: id }], memory: { ...memory, [id]: [...recent, now].slice(-3) } }
  },
}

/** Restarts at night, otherwise waits; escalates what will not start. */
const nightly: RestartStrategy = {
  name: 'nightly',
  plan: ({ id }, _, { time, phase, failure }) => {
    if (phase === 'start' && failure.attempts > 2) return { actions: [{ action: 'escalate', child: id }] }
    const hour = new Date(time).getUTCHours()
    return {
      actions: [
        hour < 6 ? { action: 'restart', child: id } : { action: 'delay', child: id, by: (24 - hour) * 3_600_000 },
      ],
    }
  },
}

describe.each([parker, counting, nightly])('$name', (strategy) => {
  describeRestartStrategy(strategy, { test, runs: 30 })
})

describe('parker among children with dependencies and meta', () => {
  const children = [
    { id: 'web', dependsOn: ['api'] },
    { id: 'api', dependsOn: ['db'] },
    { id: 'db', meta: { shared: true } },
  ]
  describeRestartStrategy(parker, { test, children })
})

const KNOWN = 'plan() names existing children, for each failed child in each state'
const TREES = 'in a supervisor random trees and failures leave every child as planned'
const ACTIONS = 'plan() must return one right action for each child that it names: '

test.each<[what: string, test: string, message: string, plan: RestartStrategy['plan']]>([
  [
    'forgets the failed child',
    KNOWN,
    `${ACTIONS}actions leave out 'a', the child that has failed when a failed`,
    () => ({ actions: [] }),
  ],
  [
    'invents an action',
    KNOWN,
    `${ACTIONS}actions[0].action must be one of restart, stop, park, delay, escalate, not 'wait' when a failed`,
    ({ id }) => ({ actions: [{ action: 'wait', child: id } as never] }),
  ],
  [
    'remembers what is no JSON',
    KNOWN,
    'the memory of a strategy must be plain JSON, and small: it is not plain JSON: at is an instance of a class',
    ({ id }) => ({ restart: [id], memory: { at: new Date(0) } }),
  ],
  [
    'remembers ever more',
    'plan() bears what it has remembered, and its memory stays small',
    'the memory of a strategy must be plain JSON, and small: its JSON is longer than 65536 characters',
    ({ id }, _, { memory = [] }) => ({
      restart: [id],
      memory: [...(memory as string[]), 'one more failure, told at length'.repeat(10)],
    }),
  ],
  [
    'does not understand its own memory',
    'plan() bears what it has remembered, and its memory stays small',
    'plan() must not throw: it threw TypeError: ',
    ({ id }, _, { memory }) => {
      ;(memory as { seen?: { has(id: string): boolean } } | undefined)?.seen?.has(id)
      return { restart: [id], memory: { seen: { [id]: true } } }
    },
  ],
])('a strategy that answers with actions or a memory and %s is found out', async (_, name, message, plan) => {
  const said = await complaints((test) => {
    describeRestartStrategy({ name: 'broken', plan }, { test, runs: 5 })
  })
  expect(said.get(name)).toContain(message)
})

test('a fault that only a story brings about is told with the smallest tree and the seed, which brings it about again', async () => {
  const plan: RestartStrategy['plan'] = ({ id }, children, { memory = {} }) => {
    const counts = { ...(memory as Record<string, number>), [id]: ((memory as Record<string, number>)[id] ?? 0) + 1 }
    const isReal = ![...children].some((each) => Object.isFrozen(each))
    if (isReal && counts.b === 2) throw new Error('not b again')
    return { actions: [{ action: 'restart', child: id }], memory: counts }
  }
  const told = async (seed: number): Promise<string> => {
    const said = await complaints((test) => {
      describeRestartStrategy({ name: 'broken', plan }, { test, seed, runs: 200 })
    })
    return said.get(TREES) ?? ''
  }
  const text = await told(1)
  expect(text).toContain(
    'the supervisor must survive: it gave up (supervisor suite gave up: strategy broken of child b: Error: not b again)',
  )
  expect(text).toMatch(/\nsmallest case: a permanent, b permanent; then b fails, b fails\nseed \d+: /)
  const seed = Number(/seed (\d+)/.exec(text)?.[1])
  expect(await told(seed)).toBe(text)
})

test('a strategy that keeps a state of its own beside its memory is found out', async () => {
  let calls = 0
  const said = await complaints((test) => {
    const plan: RestartStrategy['plan'] = ({ id }, children) => {
      const isReal = ![...children].some((each) => Object.isFrozen(each))
      if (isReal) calls += 1
      return { actions: [{ action: calls % 2 === 0 ? 'restart' : 'stop', child: id }] }
    }
    describeRestartStrategy({ name: 'broken', plan }, { test, runs: 20 })
  })
  expect(said.get(TREES)).toMatch(
    /^plan\(\) must give the same answer twice: .*\nsmallest case: a permanent; then a fails\n/,
  )
})

test('a classifier that only a random error brings down is told with the smallest error and the seed', async () => {
  const classify: FailureClassifier = (error, { attempts }) => {
    const { cause } = (error ?? {}) as { cause?: { code?: unknown } }
    if (attempts > 10 && cause?.code === 'EBUSY') throw new Error('too busy')
    return undefined
  }
  const told = async (seed: number): Promise<string> => {
    const said = await complaints((test) => {
      describeFailureClassifier(classify, { test, seed, runs: 10_000 })
    })
    return said.get('a classifier bears random errors') ?? ''
  }
  const text = await told(3)
  expect(text).toMatch(/^a classifier must not throw: it threw Error: too busy for a random error/)
  const smallest = '{"kind":"Error","message":"","cause":{"kind":"Error","message":"","code":"EBUSY"}}'
  expect(text).toMatch(
    new RegExp(`\nsmallest case: ${smallest}, phase (run|start), attempts 11, uptime 0 ms\nseed \\d+: `),
  )
  expect(await told(Number(/seed (\d+)/.exec(text)?.[1]))).toBe(text)
})

test('a backoff that keeps a state of its own is told with the shortest life and the seed', async () => {
  let calls = 0
  const said = await complaints((test) => {
    const delay = ({ attempt }: { attempt: number }): number => {
      calls += 1
      return attempt < 3 ? 10 : calls
    }
    describeBackoff({ delay }, { test, seed: 1, runs: 20 })
  })
  expect(said.get('a child with random failures is back when its delay is over')).toMatch(
    /^delays must be the same when all is the same: they were .*\nsmallest case: failures after 0, 0, 0 ms of running each, random 0\nseed \d+: /,
  )
})

test('the suites run with node:test as they do here', () => {
  const code = `
    import { test } from 'node:test'
    import { describeBackoff, describeFailureClassifier, describeRestartStrategy } from '@terrarium/supervisor/testing'
    const plan = ({ id }, _, { memory = 0 }) => ({ actions: [{ action: 'park', child: id, for: 5 }], memory: memory + 1 })
    describeRestartStrategy({ name: 'parker', plan }, { test, runs: 5 })
    describeBackoff({ base: 10 }, { test, runs: 2 })
    describeFailureClassifier(() => undefined, { test })
  `
  const { status, stdout } = spawnSync(process.execPath, ['--test-reporter=tap', '--input-type=module', '-e', code], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  })
  const said = Array.from(stdout.matchAll(/^# (?:pass|fail) \d+$/gm), ([line]) => line)
  expect([status, said]).toEqual([0, ['# pass 25', '# fail 0']])
})
