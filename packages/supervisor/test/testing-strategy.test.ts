import { describe, expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import type { ChildView, RestartPlan, RestartStrategy, SupervisorClock } from '@terrarium/supervisor'
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

/** A strategy gets more than it may look at. */
interface Real extends ChildView {
  readonly ref?: AnyActorRef & { readonly clock?: SupervisorClock }
}

const realSiblings = (failed: Real, children: Iterable<Real>): Real[] =>
  [...children].filter(({ id, ref }) => id !== failed.id && ref?.send !== undefined)

const failAll = (children: readonly Real[]): void => {
  for (const { ref } of children) ref?.send({ type: 'fail' })
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
    'meddles with the states of siblings',
    'in a supervisor the group stops newest first and starts oldest first',
    'a group must be stopped in reverse start order and started in start order: there was exit a, start a, start b, start c instead of exit a, exit c, exit b, start a, start b, start c after a has failed',
    broken((failed, children) => {
      const list = [...children]
      for (const sibling of realSiblings(failed, list)) Reflect.set(sibling, 'state', 'stopped')
      return { restart: list.map(({ id }) => id) }
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
      for (const { ref } of realSiblings(failed, children)) ref?.clock?.setTimeout(() => undefined, 1_000_000)
      return only(failed)
    }),
  ],
])('a strategy that %s is found out', async (_, name, message, strategy) => {
  const said = await complaints((test) => {
    describeRestartStrategy(strategy, { test, children: ['a', 'b', 'c'] })
  })
  expect(said.get(name)).toContain(message)
})
