// What supervisors hand to their later incarnations: each to its own, and the root of a tree in its persisted snapshot
// the memory of the whole tree.
import type { AnyActorRef } from 'xstate'
import { isSupervisor } from '../base/brand.ts'
import type { SupervisorMemory } from '../core/memory.ts'
import type { CoreState } from '../core/state.ts'

interface WithMemory {
  readonly memory?: SupervisorMemory
}

/**
 * The memory of a supervisor that has ended, as a snapshot for its next incarnation. Its children do not resume: the
 * supervisor is started again because it could not go on from where they were.
 */
export function historyOf(actor: AnyActorRef): unknown {
  const snapshot = actor.getSnapshot() as WithMemory
  if (!isSupervisor(snapshot)) return undefined
  return beginningWith({ ...snapshot.memory, resume: undefined } as SupervisorMemory)
}

/** A snapshot with which a supervisor begins. */
function beginningWith(memory: SupervisorMemory): unknown {
  return { status: 'active', output: undefined, error: undefined, memory }
}

/** What the nested supervisors remember, by id; of a supervisor that is down, what its last incarnation has left. */
export function nestedMemories({ children, settings }: CoreState): Pick<SupervisorMemory, 'nested'> | undefined {
  if (settings.kind !== 'static' || !settings.keepHistory) return undefined
  const nested: Record<string, SupervisorMemory> = {}
  for (const { id, ref, trouble } of children.values()) {
    const isRunning = ref !== undefined && isSupervisor(ref.getSnapshot())
    const { memory } = ((isRunning ? ref.getPersistedSnapshot() : trouble.history) ?? {}) as WithMemory
    if (memory !== undefined && !isEmpty(memory)) nested[id] = memory
  }
  return Object.keys(nested).length === 0 ? undefined : { nested }
}

function isEmpty({ children, ...more }: SupervisorMemory): boolean {
  return Object.keys(children).length === 0 && Object.values(more).every((each) => each === undefined)
}

/** Restores what nested supervisors remembered, before they are started. Children unknown by now are left out. */
export function recallNested({ children }: CoreState, nested: SupervisorMemory['nested'] = {}): void {
  for (const [id, memory] of Object.entries(nested)) {
    const child = children.get(id)
    if (child !== undefined) child.troubled.history = beginningWith(memory)
  }
}
