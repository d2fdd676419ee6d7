// Writes a statechart of the protocol as a configuration that XState's createMachine() takes, which is what Stately's
// viewers draw. It is the inverse of definition.ts.
import type { NodeView, TransitionView } from './protocol.ts'

type Transitions = Readonly<Record<string, readonly object[]>>

/** A configuration for `createMachine()`. */
export interface Config {
  readonly id: string
  readonly type: NodeView['type']
  readonly initial?: string
  readonly states?: Readonly<Record<string, Config>>
  readonly on?: Transitions
  readonly after?: Transitions
  readonly always?: readonly object[]
  readonly onDone?: readonly object[]
  readonly invoke?: readonly object[]
}

/** States that a statechart was cut by are no targets. */
export function configOf(root: NodeView): Config {
  return write(root, new Set(idsOf(root)))
}

const idsOf = ({ id, states = [] }: NodeView): string[] => [id, ...states.flatMap(idsOf)]

function write(node: NodeView, ids: ReadonlySet<string>): Config {
  const { id, type, initial, states = [], invoke = [] } = node
  const on: Record<string, object[]> = {}
  const after: Record<string, object[]> = {}
  const always: object[] = []
  const onDone: object[] = []
  const onInvoked: Record<'done' | 'error', object[]> = { done: [], error: [] }
  for (const transition of node.on ?? []) placeOf(transition).push(written(transition, ids))
  return {
    id,
    type,
    ...(initial !== undefined && { initial }),
    ...(states.length > 0 && { states: Object.fromEntries(states.map((each) => [each.key, write(each, ids)])) }),
    ...(Object.keys(on).length > 0 && { on }),
    ...(Object.keys(after).length > 0 && { after }),
    ...(always.length > 0 && { always }),
    ...(onDone.length > 0 && { onDone }),
    ...(invoke.length > 0 && { invoke: invoke.map(invoked) }),
  }

  /** The page of the inspector names what has no event of its own in words, see definition.ts. */
  function placeOf({ event }: TransitionView): object[] {
    const [, delay] = /^after (.*?)(?: ms)?$/.exec(event) ?? []
    if (delay !== undefined) return (after[delay] ??= [])
    if (event === 'always') return always
    if (event === 'done') return onDone
    const [, end] = /^invoked: (done|error)$/.exec(event) ?? []
    if (end !== undefined) return onInvoked[end as 'done' | 'error']
    return (on[event] ??= [])
  }

  /** The protocol does not say which of several invoked actors a transition is for: it stands with the first. */
  function invoked(src: string, index: number): object {
    const { done, error } = onInvoked
    if (index > 0) return { src }
    return { src, ...(done.length > 0 && { onDone: done }), ...(error.length > 0 && { onError: error }) }
  }
}

function written({ targets, guard, actions }: TransitionView, ids: ReadonlySet<string>): object {
  const target = targets.filter((id) => ids.has(id)).map((id) => `#${id}`)
  return {
    ...(target.length > 0 && { target }),
    ...(guard !== undefined && { guard }),
    ...(actions !== undefined && { actions }),
  }
}
