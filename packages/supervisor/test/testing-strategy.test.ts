import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import type { SupervisorClock } from '@terrarium/supervisor'
import { SupervisedActor } from '@terrarium/supervisor/otp'
import type { ChildView, RestartPlan, RestartStrategy } from '@terrarium/supervisor/strategies'
import { describeRestartStrategy } from '@terrarium/supervisor/testing'
import { STRATEGIES } from '../src/spec/strategy.ts'
import { complaints } from './complaints.ts'

const uses: Record<string, readonly string[]> = { api: ['db'], mail: ['queue'], web: ['api'] }

const dependsOn = (id: string, other: string): boolean =>
  (uses[id] ?? []).some((each) => each === other || dependsOn(each, other))

const idsOf = (children: Iterable<ChildView>): string[] => Array.from(children, ({ id }) => id)

/** Of the README. */
const dependents: RestartStrategy = {
  name: 'dependents',
  plan: (failed, children) => ({
    restart: idsOf(children).filter((id) => id === failed.id || dependsOn(id, failed.id)),
  }),
}

describe.each(Object.values(STRATEGIES))('$name', (strategy) => {
  describeRestartStrategy(strategy, { test })
})

describe('dependents', () => {
  describeRestartStrategy(dependents, { test, children: ['db', 'queue', 'api', 'mail', 'web'] })
})

/** A strategy for children a, b, c that breaks a rule. */
const broken = (plan: (failed: ChildView, children: Iterable<ChildView>) => unknown): RestartStrategy => ({
  name: 'broken',
  plan: plan as () => RestartPlan,
})

const only = ({ id }: ChildView): RestartPlan => ({ restart: [id] })

/** What the suite must not give to a strategy. */
interface Real extends ChildView {
  readonly ref?: AnyActorRef
}

/** A strategy that knows the actors of the suite's supervisors although they are kept from it, by their ids. */
const known = new Map<string, AnyActorRef & { readonly clock?: SupervisorClock }>()

const start = Reflect.get(SupervisedActor.prototype, 'start')

beforeAll(() => {
  SupervisedActor.prototype.start = function (this: SupervisedActor<never>) {
    known.set(this.id, this as never)
    return start.call(this) as never
  } as typeof start
})

afterAll(() => {
  SupervisedActor.prototype.start = start
})

/** The siblings, if they are those of a real supervisor: the children of the suite's questions are frozen. */
const realSiblings = (failed: ChildView, children: Iterable<ChildView>): ChildView[] =>
  [...children].filter((each) => each.id !== failed.id && !Object.isFrozen(each))

const failAll = (children: readonly ChildView[]): void => {
  for (const { id } of children) known.get(id)?.send({ type: 'fail' })
}

const KNOWN = 'plan() names existing children, for each failed child in each state'

const RESTARTS = 'in a supervisor a failure restarts the children that plan() names, and no others'

test.each<[what: string, test: string, message: string, strategy: RestartStrategy]>([
  ['has no name', 'a strategy has a name', "name must be a non-empty string: it is ''", { name: '', plan: only }],
  [
    'throws',
    KNOWN,
    'plan() must not throw: it threw Error: b is not for me when b failed (phase run; a starting transient, b restarting temporary)',
    broken((failed) => {
      if (failed.id === 'b' && failed.state === 'restarting') throw new Error('b is not for me')
      return only(failed)
    }),
  ],
  [
    'takes the children for an array',
    KNOWN,
    'plan() must not throw: it threw TypeError: children.map is not a function when a failed (phase run; a running permanent)',
    broken((_, children) => ({ restart: (children as ChildView[]).map(({ id }) => id) })),
  ],
  [
    'returns a list',
    KNOWN,
    `plan() must return { restart: string[] }: it returned ["a"] when a failed`,
    broken(({ id }) => [id]),
  ],
  [
    'returns nothing',
    KNOWN,
    'plan() must return { restart: string[] }: it returned undefined when a failed',
    broken(() => undefined),
  ],
  [
    'returns a promise',
    KNOWN,
    'plan() must return { restart: string[] }: it returned a promise when a failed',
    broken((failed) => Promise.resolve(only(failed))),
  ],
  [
    'names children instead of ids',
    KNOWN,
    'plan() must return { restart: string[] }: it returned {"restart":[{"id":"a"',
    broken((failed) => ({ restart: [failed] })),
  ],
  [
    'names an unknown child',
    KNOWN,
    "plan() must name children of the supervisor only: it named 'c' when a failed (phase run; a running permanent)",
    broken(() => ({ restart: ['a', 'c'] })),
  ],
  [
    'names a child twice',
    KNOWN,
    "plan() must name a child once: it named 'a' more than once when a failed (phase run; a running permanent)",
    broken(({ id }) => ({ restart: [id, id] })),
  ],
  [
    'changes its mind',
    'plan() gives the same answer twice',
    'plan() must give the same answer twice: it answered [] and then ["a"] when a failed',
    (() => {
      let calls = 0
      return broken((failed) => {
        calls += 1
        return calls % 2 === 0 ? only(failed) : { restart: [] }
      })
    })(),
  ],
  [
    'changes a child',
    'plan() changes nothing',
    'plan() must change nothing: child a became {"id":"a","state":"parked"',
    broken((failed) => {
      Reflect.set(failed, 'state', 'parked')
      return only(failed)
    }),
  ],
  [
    'changes the context',
    'plan() changes nothing',
    'plan() must change nothing: the context became {"supervisor":"mine"',
    {
      name: 'broken',
      plan: (failed, _, context) => {
        Reflect.set(context, 'supervisor', 'mine')
        return only(failed)
      },
    },
  ],
  [
    'reads the children twice',
    'plan() reads the children only once',
    'plan() must cope with children that can be iterated only once: it answered ["a","b"] and then [] when a failed',
    broken((_, children) => (idsOf(children).length < 2 ? { restart: [] } : { restart: idsOf(children) })),
  ],
  [
    'asks an actor how it is',
    'plan() looks at no refs',
    'plan() must not depend on the refs of the children: it answered [] and then ["a"] when a failed',
    broken((failed) => {
      const status = ((failed as Real).ref?.getSnapshot() as { status?: string } | undefined)?.status
      return status === 'error' ? only(failed) : { restart: [] }
    }),
  ],
  [
    'throws in a real supervisor',
    RESTARTS,
    'the supervisor must survive: it gave up (supervisor suite gave up: strategy broken of child a: Error: no plan) after a has failed',
    broken((failed, children) => {
      if (realSiblings(failed, children).length > 0) throw new Error('no plan')
      return only(failed)
    }),
  ],
  [
    'plans something else in a real supervisor',
    RESTARTS,
    'a child that plan() does not name must stay as it is: b was started 2 times after a has failed',
    broken((failed, children) => ({ restart: [failed, ...realSiblings(failed, children)].map(({ id }) => id) })),
  ],
  [
    'makes siblings fail',
    RESTARTS,
    'a child that plan() does not name must stay as it is: b was started',
    broken((failed, children) => {
      if (failed.id === 'a') failAll(realSiblings(failed, children))
      return only(failed)
    }),
  ],
  [
    'makes a temporary sibling fail',
    'in a supervisor a temporary child is not restarted',
    'all children must be back: there are ["b","c"] instead of ["a","b","c"] after b has failed, a being temporary',
    broken((failed, children) => {
      failAll(realSiblings(failed, children).filter(({ restart }) => restart === 'temporary'))
      return only(failed)
    }),
  ],
  [
    'has no plan for a start that fails',
    'in a supervisor restarts that fail are tried again until all are well',
    'the supervisor must survive: it gave up (supervisor suite gave up: strategy broken of child a: Error: no plan) after a has failed and a could not be started 3 times',
    {
      name: 'broken',
      plan: (failed, children, { phase }) => {
        if (phase === 'start' && realSiblings(failed, children).length > 0) throw new Error('no plan')
        return only(failed)
      },
    },
  ],
  [
    'has no plan for two failures',
    'in a supervisor two failures at once leave all well',
    'the supervisor must survive: it gave up (supervisor suite gave up: strategy broken of child b: Error: no plan) after a and b have failed at once',
    broken((failed, children) => {
      const others = realSiblings(failed, children)
      if (others.some(({ incarnation }) => incarnation > 1)) throw new Error('no plan')
      return only(failed)
    }),
  ],
  [
    'leaves a timer',
    'after stop() nothing is left of a supervisor',
    'nothing must be left after stop(): 2 timers wait, a having been restarted',
    broken((failed, children) => {
      for (const { id } of realSiblings(failed, children)) known.get(id)?.clock?.setTimeout(() => undefined, 1_000_000)
      return only(failed)
    }),
  ],
])('the suite finds a strategy that %s', async (_, name, message, strategy) => {
  const said = await complaints((test) => {
    describeRestartStrategy(strategy, { test, children: ['a', 'b', 'c'] })
  }, name)
  expect(said.get(name)).toContain(message)
})

test('a strategy that changes the views of siblings changes its own copies only', async () => {
  const said = await complaints((test) => {
    const strategy = broken((failed, children) => {
      const list = [...children]
      for (const sibling of realSiblings(failed, list)) Reflect.set(sibling, 'state', 'stopped')
      return { restart: list.map(({ id }) => id) }
    })
    describeRestartStrategy(strategy, { test, children: ['a', 'b', 'c'] })
  })
  expect([...said.keys()]).toEqual(['plan() changes nothing'])
})

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
  }, name)
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
    }, TREES)
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
  }, TREES)
  expect(said.get(TREES)).toMatch(
    /^plan\(\) must give the same answer twice: .*\nsmallest case: a permanent; then a fails\n/,
  )
})
