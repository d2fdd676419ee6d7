// The statechart of a process under supervision: the states of the life machine of `@terrarium/process`, and the
// states that its supervisor has for it while there is no process.
import type { NodeView } from '@terrarium/inspector/protocol'
import type { AnyActorRef } from 'xstate'

/** The id of the chart. */
export const PROCESS = 'process'

const RUNNING = ['reserved', 'spawning', 'awaitingReady', 'active'] as const
const STATES = [...RUNNING, 'terminating', 'backing_off', 'parked', 'down'] as const

export type LifeState = (typeof STATES)[number]

/** The events that lead from each state with a process to `terminating`. */
const FAILURE = 'failure, stop'

const EDGES: readonly (readonly [from: LifeState, event: string, to: LifeState])[] = [
  ['down', 'start', 'reserved'],
  ['reserved', 'on disk', 'spawning'],
  ['spawning', 'spawned', 'awaitingReady'],
  ['awaitingReady', 'ready', 'active'],
  ['active', FAILURE, 'terminating'],
  ['terminating', 'restart', 'reserved'],
  ['terminating', 'delay', 'backing_off'],
  ['terminating', 'park', 'parked'],
  ['terminating', 'end', 'down'],
  ['backing_off', 'delay is over', 'reserved'],
  ['parked', 'unpark', 'reserved'],
]

const idOf = (state: LifeState): string => `${PROCESS}.${state}`

/** The chart of every worker and every kept program. */
export const PROCESS_CHART: NodeView = {
  id: PROCESS,
  key: PROCESS,
  type: 'compound',
  initial: 'down',
  on: [{ event: FAILURE, targets: [idOf('terminating')] }],
  states: STATES.map((state) => ({
    id: idOf(state),
    key: state,
    type: 'atomic',
    on: EDGES.filter(([from]) => from === state).map(([, event, to]) => ({ event, targets: [idOf(to)] })),
  })),
}

/** What leads from one state to another; empty for what the chart does not have. */
export const eventBetween = (from: LifeState, to: LifeState): string =>
  EDGES.find((edge) => edge[0] === from && edge[2] === to)?.[1] ?? (to === 'terminating' ? FAILURE : '')

/** The state of a process, of its actor and of its supervisor's word for it. */
export function lifeOf(supervised: string, ref: AnyActorRef | undefined): LifeState {
  const { status, value } = (ref?.getSnapshot() ?? {}) as { readonly status?: unknown; readonly value?: unknown }
  if (status === 'active') {
    const state = typeof value === 'object' && value !== null ? Object.keys(value)[0] : value
    return RUNNING.find((each) => each === state) ?? 'terminating'
  }
  if (supervised === 'parked') return 'parked'
  return supervised === 'backing_off' ? 'backing_off' : 'down'
}

/** Whether an actor is the life of a process. */
export function isProcess(ref: AnyActorRef | undefined): boolean {
  const { states = {} } = ((ref as { readonly logic?: unknown } | undefined)?.logic ?? {}) as {
    readonly states?: object
  }
  return RUNNING.every((state) => state in states) && 'terminating' in states
}
