// Writes the statechart of a machine for the page: states, transitions with guards and actions, and what is invoked.
// It reads the public fields of XState's state nodes, and is bounded in size.
import { DEPTH_OF_MACHINE, NODES_PER_MACHINE } from './limits.ts'
import type { NodeType, NodeView, TransitionView } from './protocol.ts'

/** What is read of a state node of XState. */
interface StateNode {
  readonly id: string
  readonly key: string
  readonly type: NodeType
  readonly states?: Readonly<Record<string, StateNode>>
  readonly initial?: { readonly target?: readonly StateNode[] } | undefined
  readonly transitions?: ReadonlyMap<string, readonly TransitionDefinition[]>
  readonly always?: readonly TransitionDefinition[] | undefined
  readonly invoke?: readonly { readonly src?: unknown; readonly id?: unknown }[]
}

interface TransitionDefinition {
  readonly target?: readonly StateNode[] | undefined
  readonly guard?: unknown
  readonly actions?: readonly unknown[]
}

/** The root state node of a logic, if the logic is a machine. */
export function rootOf(logic: unknown): object | undefined {
  const { root } = (logic ?? {}) as { readonly root?: Partial<StateNode> }
  return typeof root === 'object' && typeof root.id === 'string' && typeof root.type === 'string' ? root : undefined
}

/** The statechart below a root node. */
export function defineMachine(root: object): NodeView {
  const room = { nodes: NODES_PER_MACHINE }
  return defineNode(root as StateNode, DEPTH_OF_MACHINE, room)
}

function defineNode(node: StateNode, depth: number, room: { nodes: number }): NodeView {
  room.nodes -= 1
  const children = Object.values(node.states ?? {})
  const states: NodeView[] = []
  for (const child of children) {
    if (depth === 0 || room.nodes <= 0) break
    states.push(defineNode(child, depth - 1, room))
  }
  const on = transitionsOf(node)
  const invoke = (node.invoke ?? []).map(({ src, id }) =>
    nameOf(typeof src === 'string' && !src.startsWith('xstate.') ? src : id),
  )
  const initial = node.initial?.target?.[0]?.key
  const more = children.length - states.length
  return {
    id: node.id,
    key: node.key,
    type: node.type,
    ...(initial !== undefined && { initial }),
    ...(states.length > 0 && { states }),
    ...(on.length > 0 && { on }),
    ...(invoke.length > 0 && { invoke }),
    ...(more > 0 && { more }),
  }
}

function transitionsOf(node: StateNode): TransitionView[] {
  const named = [...(node.transitions ?? [])].flatMap(([event, each]) =>
    each.map((one) => [eventText(event), one] as const),
  )
  const always = (node.always ?? []).map((one) => ['always', one] as const)
  return [...named, ...always].map(([event, { target, guard, actions = [] }]) => ({
    event,
    targets: (target ?? []).map(({ id }) => id),
    ...(guard !== undefined && { guard: nameOf(guard) }),
    ...(actions.length > 0 && { actions: actions.slice(0, 8).map(nameOf) }),
  }))
}

/** XState's own events in the words of a configuration. */
function eventText(event: string): string {
  const after = /^xstate\.after\.([^.]+)\./.exec(event)
  if (after !== null) return `after ${after[1] ?? ''}${/^\d+$/.test(after[1] ?? '') ? ' ms' : ''}`
  const [, what, of] = /^xstate\.(done|error)\.(actor|state)\./.exec(event) ?? []
  if (what !== undefined) return of === 'state' ? 'done' : what === 'done' ? 'invoked: done' : 'invoked: error'
  return event.slice(0, 80)
}

/** The name of an action, guard or source, whatever form it has. */
function nameOf(given: unknown): string {
  if (typeof given === 'string') return given.slice(0, 60)
  if (typeof given === 'function') return given.name.slice(0, 60) || 'function'
  const { type } = (given ?? {}) as { readonly type?: unknown }
  return typeof type === 'string' ? type.slice(0, 60) : 'unnamed'
}
