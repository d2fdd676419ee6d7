// Strategies that answer from a script, and what tests of plans look at.
import type { SupervisorOptions } from '@terrarium/supervisor'
import type { PlanAction, RestartContext, RestartStrategy } from '@terrarium/supervisor/strategies'
import { child, started, type Bench } from '../support.ts'

export const moves = (it: Bench): string[] =>
  it.take('child.exit', 'child.start', 'child.parked').map((move) => move.replace('child.', ''))
export const states = (it: Bench): string => it.app.children.map(({ id, state }) => `${id} ${state}`).join(', ')
export const coded = (code: string): Error => Object.assign(new Error(code), { code })

/** A strategy with an answer for each child; the last answer of a list is repeated. */
export function answering(
  plans: Readonly<Record<string, readonly (readonly PlanAction[])[]>>,
  asked: RestartContext[] = [],
): RestartStrategy {
  const calls = new Map<string, number>()
  return {
    name: 'scripted',
    plan: ({ id }, _, context) => {
      asked.push(context)
      const call = calls.get(id) ?? 0
      calls.set(id, call + 1)
      const list = plans[id] ?? []
      return { actions: list[Math.min(call, list.length - 1)] ?? [{ action: 'restart', child: id }] }
    },
  }
}

export const ABCD = ['a', 'b', 'c', 'd'].map((id) => child(id))

export function planned(actions: readonly PlanAction[], more: Partial<SupervisorOptions> = {}): Promise<Bench> {
  const failed = actions.find(({ child: id }) => id === 'a') === undefined ? (actions[0]?.child ?? 'a') : 'a'
  return started({ strategy: answering({ [failed]: [actions] }), children: ABCD, ...more })
}
