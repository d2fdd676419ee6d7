// Tests of a restart strategy in a real supervisor on a virtual clock.
import type { AnyActorRef } from 'xstate'
import type { ChildState } from '../spec/child-info.ts'
import type { ChildSpec } from '../spec/spec.ts'
import type { ChildView, PlanAction, RestartStrategy } from '../spec/strategy.ts'
import { failingMachine } from './failing-machine.ts'
import { ask } from './ask.ts'
import { startsOf } from './recorder.ts'
import { situation, type KnownChild } from './situations.ts'
import { causeOfEnd, mustBeAsPlanned, StrategyTrial } from './strategy-trial.ts'
import { ensure, show, type SuiteOptions } from './suite.ts'
import { isActive, type Trial } from './trial.ts'

/** How often in a row a start fails. */
const FAILED_STARTS = 3

interface RunningStrategyOptions extends SuiteOptions {
  readonly children: readonly KnownChild[]
}

/** Tests a strategy in a real supervisor whose children are machines. */
export function describeRunningStrategy(strategy: RestartStrategy, { test, children }: RunningStrategyOptions): void {
  const ids = children.map(({ id }) => id)
  const all = (more: (id: string) => Partial<ChildSpec> = () => ({})): StrategyTrial =>
    new StrategyTrial(
      strategy,
      children.map((child) => ({ ...child, logic: failingMachine, ...more(child.id) })),
    )

  test('in a supervisor a failure restarts the children that plan() names, and no others', async () => {
    for (const failed of ids) {
      const trial = all()
      const when = `after ${failed} has failed`
      await trial.run(when, async () => {
        const before = trial.app.children.map(({ ref }) => ref)
        const group = groupOf(strategy, trial, failed)
        await trial.fail(failed)
        if (trial.recorder.hasActed) {
          await trial.settle()
          mustBeAsPlanned(trial, ids, when)
          mustHaveKept(trial, before, trial.recorder.answers[0]?.actions ?? [], when)
          return
        }
        mustBeWell(trial, ids, when)
        mustHaveRestarted(trial, before, group, when)
      })
    }
  })

  test('in a supervisor the group stops newest first and starts oldest first', async () => {
    for (const failed of ids) {
      const trial = all()
      const when = `after ${failed} has failed`
      await trial.run(when, async () => {
        const group = groupOf(strategy, trial, failed)
        trial.moves.length = 0
        await trial.fail(failed)
        const actions = trial.recorder.answers[0]?.actions
        if (actions !== undefined) {
          await trial.settle()
          mustHaveActed(trial, failed, actions, when)
          return
        }
        const order = trial.app.children.map(({ id }) => id)
        mustHaveMoved(
          trial,
          failed,
          order.filter((id) => group.has(id)),
          when,
        )
      })
    }
  })

  test('in a supervisor a temporary child is not restarted', async () => {
    for (const temporary of ids) {
      for (const failed of ids) {
        const trial = all((id) => (id === temporary ? { restart: 'temporary' } : {}))
        const when = `after ${failed} has failed, ${temporary} being temporary`
        await trial.run(when, async () => {
          const before = trial.app.children.map(({ ref }) => ref)
          const isPlanned = temporary === failed || groupOf(strategy, trial, failed).has(temporary)
          await trial.fail(failed)
          if (trial.recorder.hasActed) {
            await trial.settle()
            mustBeAsPlanned(trial, ids, when)
            return
          }
          mustBeWell(trial, isPlanned ? ids.filter((id) => id !== temporary) : ids, when)
          if (isPlanned) return
          const rule = 'a child that plan() does not name must stay as it is'
          const isSame = trial.child(temporary)?.ref === before[ids.indexOf(temporary)]
          ensure(isSame, rule, () => `${temporary} does not, ${when}`)
        })
      }
    }
  })

  test('in a supervisor restarts that fail are tried again until all are well', async () => {
    for (const failed of ids) {
      for (const victim of ids) {
        let left = 0
        const logic = (): typeof failingMachine => {
          left -= 1
          if (left >= 0) throw new Error('told not to start')
          return failingMachine
        }
        const trial = all((id) => (id === victim ? { logic } : {}))
        const when = `after ${failed} has failed and ${victim} could not be started ${FAILED_STARTS} times`
        await trial.run(when, async () => {
          left = FAILED_STARTS
          await trial.fail(failed)
          await mustBeWellInTheEnd(trial, ids, when)
        })
      }
    }
  })

  test('in a supervisor two failures at once leave all well', async () => {
    for (const one of ids) {
      for (const other of ids) {
        if (one === other) continue
        const trial = all()
        const when = `after ${one} and ${other} have failed at once`
        await trial.run(when, async () => {
          const before = [one, other].map((id) => trial.child(id)?.ref)
          trial.meanwhile(() => trial.child(other)?.ref?.send({ type: 'fail' }))
          await trial.fail(one)
          await mustBeWellInTheEnd(trial, ids, when)
          if (trial.recorder.hasActed) return
          const kept = [one, other].filter((id, index) => trial.child(id)?.ref === before[index])
          ensure(kept.length === 0, 'a failed child must be restarted', () => `${show(kept)} are not, ${when}`)
        })
      }
    }
  })

  test('after stop() nothing is left of a supervisor', async () => {
    for (const failed of ids) {
      const restarted = all()
      await restarted.run(`${failed} having been restarted`, () => restarted.fail(failed))
      const failing = all()
      await failing.run(`${failed} failing just then`, () => {
        failing.meanwhile(() => void failing.app.stop())
        return failing.fail(failed)
      })
    }
  })
}

/** The children that are restarted when this one fails while all others run. */
function groupOf(strategy: RestartStrategy, trial: StrategyTrial, failed: string): ReadonlySet<string> {
  const views = trial.app.children.map(({ id, type, incarnation }): ChildView => {
    const state: ChildState = id === failed ? 'restarting' : 'running'
    const { restart = 'permanent', meta, input, dependsOn = [] } = trial.specs.get(id) ?? {}
    const uptime = id === failed ? 0 : trial.clock.now() - trial.startedAt
    return { id, type, incarnation, state, restart, uptime, meta, input, dependsOn }
  })
  const index = views.findIndex(({ id }) => id === failed)
  return new Set([failed, ...ask(strategy, situation(views, index, 'run')).ids])
}

async function mustBeWellInTheEnd(trial: StrategyTrial, ids: readonly string[], when: string): Promise<void> {
  if (!trial.recorder.hasActed) {
    mustBeWell(trial, ids, when)
    return
  }
  await trial.settle()
  mustBeAsPlanned(trial, ids, when)
}

function mustBeWell({ app, clock, hasEnded }: Trial, ids: readonly string[], when: string): void {
  ensure(!hasEnded, 'the supervisor must survive', () => `it gave up (${causeOfEnd(app.ref)}) ${when}`)
  const found = app.children.map(({ id }) => id)
  const rule = 'all children must be back'
  ensure(
    [...found].sort().join() === [...ids].sort().join(),
    rule,
    () => `there are ${show(found)} instead of ${show(ids)} ${when}`,
  )
  for (const { id, state, ref } of app.children) {
    ensure(
      state === 'running' && isActive(ref),
      rule,
      () => `${id} is ${state}${isActive(ref) ? '' : ', its actor is not alive'} ${when}`,
    )
  }
  ensure(clock.pending === 0, 'no timer must be left when all are back', () => `${clock.pending} wait ${when}`)
}

function mustHaveRestarted(
  { app }: Trial,
  before: readonly (AnyActorRef | undefined)[],
  group: ReadonlySet<string>,
  when: string,
): void {
  for (const [index, { id, ref, incarnation }] of app.children.entries()) {
    const isOld = ref === before[index]
    if (group.has(id)) {
      const rule = 'a child that plan() names must be restarted once'
      ensure(!isOld && incarnation === 2, rule, () => `${id} was started ${incarnation} times ${when}`)
      ensure(!isActive(before[index]), rule, () => `the old actor of ${id} is still alive ${when}`)
    } else {
      const rule = 'a child that plan() does not name must stay as it is'
      ensure(isOld && incarnation === 1, rule, () => `${id} was started ${incarnation} times ${when}`)
    }
  }
}

function mustHaveMoved({ moves }: Trial, failed: string, group: readonly string[], when: string): void {
  const stops = group.filter((id) => id !== failed).reverse()
  const expected = [failed, ...stops].map((id) => `exit ${id}`).concat(group.map((id) => `start ${id}`))
  ensure(
    moves.join() === expected.join(),
    'a group must be stopped in reverse start order and started in start order',
    () => `there was ${moves.join(', ')} instead of ${expected.join(', ')} ${when}`,
  )
}

/** Children that a plan does not name stay as they are. */
function mustHaveKept(
  { app }: Trial,
  before: readonly (AnyActorRef | undefined)[],
  actions: readonly PlanAction[],
  when: string,
): void {
  const named = new Set(actions.map(({ child }) => child))
  const rule = 'a child that plan() does not name must stay as it is'
  for (const [index, { id, ref }] of app.children.entries()) {
    ensure(named.has(id) || ref === before[index], rule, () => `${id} does not, ${when}`)
  }
}

function mustHaveActed({ moves }: Trial, failed: string, actions: readonly PlanAction[], when: string): void {
  const isEscalated = actions.some(({ action }) => action === 'escalate')
  if (isEscalated) return
  const stops = actions.map(({ child }) => child).filter((id) => id !== failed)
  const expected = [failed, ...stops.reverse()].map((id) => `exit ${id}`)
  expected.push(...startsOf(actions).map((id) => `start ${id}`))
  ensure(
    moves.join() === expected.join(),
    'children must be stopped in the reverse of the plan and started in its order',
    () => `there was ${moves.join(', ')} instead of ${expected.join(', ')} ${when}`,
  )
}
