// Tests of a restart strategy in a real supervisor on a virtual clock.
import type { AnyActorRef } from 'xstate'
import type { ChildState } from '../spec/child-info.ts'
import type { ChildSpec } from '../spec/spec.ts'
import type { ChildView, RestartStrategy } from '../spec/strategy.ts'
import { failingMachine } from './failing-machine.ts'
import { ask } from './ask.ts'
import { situation } from './situations.ts'
import { ensure, show, type SuiteOptions } from './suite.ts'
import { isActive, Trial } from './trial.ts'

/** How often in a row a start fails. */
const FAILED_STARTS = 3

interface RunningStrategyOptions extends SuiteOptions {
  readonly ids: readonly string[]
}

/** Tests a strategy in a real supervisor whose children are machines. */
export function describeRunningStrategy(strategy: RestartStrategy, { test, ids }: RunningStrategyOptions): void {
  const all = (more: (id: string) => Partial<ChildSpec> = () => ({})): Trial =>
    trialOf(
      strategy,
      ids.map((id) => ({ id, logic: failingMachine, ...more(id) })),
    )

  test('in a supervisor a failure restarts the children that plan() names, and no others', async () => {
    for (const failed of ids) {
      const trial = all()
      const when = `after ${failed} has failed`
      await trial.run(when, async () => {
        const before = trial.app.children.map(({ ref }) => ref)
        const group = groupOf(strategy, trial, failed)
        await trial.fail(failed)
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
        mustHaveMoved(
          trial,
          failed,
          ids.filter((id) => group.has(id)),
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
          mustBeWell(trial, ids, when)
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
          mustBeWell(trial, ids, when)
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

function trialOf(strategy: RestartStrategy, children: readonly ChildSpec[]): Trial {
  return new Trial({
    strategy,
    children,
    backoff: 'off',
    breaker: 'off',
    intensity: Number.MAX_SAFE_INTEGER,
    startRate: Infinity,
  })
}

/** The children that are restarted when this one fails while all others run. */
function groupOf(strategy: RestartStrategy, trial: Trial, failed: string): ReadonlySet<string> {
  const views = trial.app.children.map(({ id, type, incarnation }): ChildView => {
    const state: ChildState = id === failed ? 'restarting' : 'running'
    const { now } = trial.clock
    const uptime = id === failed ? 0 : now() - trial.startedAt
    return { id, type, incarnation, state, restart: trial.restartTypeOf(id), uptime, meta: undefined, dependsOn: [] }
  })
  const index = views.findIndex(({ id }) => id === failed)
  return new Set([failed, ...ask(strategy, situation(views, index, 'run'))])
}

function mustBeWell({ app, clock, hasEnded }: Trial, ids: readonly string[], when: string): void {
  ensure(!hasEnded, 'the supervisor must survive', () => `it gave up (${causeOfEnd(app.ref)}) ${when}`)
  const found = app.children.map(({ id }) => id)
  const rule = 'all children must be back'
  ensure(found.join() === ids.join(), rule, () => `there are ${show(found)} instead of ${show(ids)} ${when}`)
  for (const { id, state, ref } of app.children) {
    ensure(
      state === 'running' && isActive(ref),
      rule,
      () => `${id} is ${state}${isActive(ref) ? '' : ', its actor is not alive'} ${when}`,
    )
  }
  ensure(clock.pending === 0, 'no timer must be left when all are back', () => `${clock.pending} wait ${when}`)
}

function causeOfEnd(ref: AnyActorRef): string {
  const { error } = ref.getSnapshot() as { error?: unknown }
  if (!(error instanceof Error)) return show(error)
  return error.cause === undefined ? show(error) : `${error.message}: ${show(error.cause)}`
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
