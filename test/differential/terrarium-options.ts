// The options of the supervisors and the specifications of the children of a scenario.
import type { AnyActorLogic } from 'xstate'
import type { ChildSpec, IGNORE, StartContext, SupervisorClock, SupervisorOptions } from '@terrarium/supervisor'
import { isReady } from './actors.ts'
import type { Node, SupervisorNode } from './scenario.ts'

/** The length of the restart window, in ms. */
const PERIOD = 3_600_000

/** What the run of a scenario adds to its nodes. */
export interface Making {
  readonly clock: SupervisorClock
  /** The start function of every child. */
  start(node: Node, context: StartContext): Made | Promise<Made>
}

type Made = AnyActorLogic | typeof IGNORE

export function optionsOf(node: SupervisorNode, making: Making): SupervisorOptions {
  const { name, strategy, intensity, autoShutdown, children } = node
  return {
    id: name,
    mode: 'otp',
    strategy,
    intensity,
    period: PERIOD,
    autoShutdown,
    children: children.map((child) => specOf(child, making)),
    clock: making.clock,
  }
}

export function specOf(node: Node, making: Making): ChildSpec {
  const { name, restart, shutdown, significant, type } = node
  return {
    id: name,
    logic: (context) => making.start(node, context),
    restart,
    significant,
    type,
    ...(shutdown === 'default' ? {} : { shutdown }),
    ...(type === 'worker' ? { ready: isReady } : {}),
  }
}
