// supervisor(): the XState actor logic around the core, and its snapshot.
import type { ActorLogic, ActorSystem, ActorSystemInfo, AnyActorRef, NonReducibleUnknown, Snapshot } from 'xstate'
import { CAUSES, isInPhaseRunning, READY, SUPERVISOR } from '../base/brand.ts'
import type { ChildInfo } from '../spec/child-info.ts'
import { isCoreEvent, type CoreEvent } from '../core/event.ts'
import { explain, type Explanation } from '../core/explain.ts'
import type { SupervisorMemory } from '../core/memory.ts'
import { restartBudget, type RestartBudget } from '../core/restart-budget.ts'
import { listChildren, type Phase } from '../core/state.ts'
import type { SupervisorEvent } from '../spec/events.ts'
import { exitWith, type ExitOutput } from '../base/exit-reason.ts'
import type { CheckedOptions, Specs, Strategy } from '../spec/checked.ts'
import { TerrariumError } from '../base/errors.ts'
import type { JournalJson } from '../replay/journal-json.ts'
import { resolveOptions, type SupervisorOptions } from '../spec/options.ts'
import { nestedMemories, recallNested } from './history.ts'
import type { Causes } from './incidents.ts'
import type { Arrival, ForeignExit } from './news.ts'
import { Shell, type SupervisorScope } from './shell.ts'
import { toJson, type SupervisorJson } from './snapshot-json.ts'
import type { ChildSpec } from '../spec/spec.ts'
import { checkedOptions } from '../spec/validate.ts'
import { endedActorOf, isStopEvent } from './xstate.ts'

/** The snapshot of a supervisor. Children are read when they are asked for. */
interface View {
  readonly phase: Phase
  /** In start order. */
  readonly supervised: readonly ChildInfo[]
  child(id: string): ChildInfo | undefined
  /** How many restarts count now, and with how many more the supervisor gives up. */
  readonly budget: RestartBudget
  /**
   * Why this child is as it is, by its id or its ref: what has failed, what it waits for, what would start it again.
   * Throws INVALID_ARGUMENT, `details.reason: 'not_found'`, for a child that is not there.
   */
  explain(child: string | AnyActorRef): Explanation
  /** The journal as plain JSON. Throws INVALID_ARGUMENT if the supervisor has no option `journal`. */
  journal(): JournalJson
  /** How many events have come from children after they had been declared exited. All were dropped (corner case 8). */
  readonly zombieEffects: number
  /**
   * Which children have failed how often, and which are parked: plain data, with ages instead of times.
   * `getPersistedSnapshot()` keeps this; the children themselves are started afresh.
   */
  readonly memory: SupervisorMemory
  /** What `JSON.stringify()` makes of it: children with their states and failures; no refs, no inputs, no outputs. */
  toJSON(): SupervisorJson
}

export type SupervisorSnapshot = Snapshot<ExitOutput> & View

export type SupervisorLogic = ActorLogic<
  SupervisorSnapshot,
  CoreEvent,
  NonReducibleUnknown,
  ActorSystem<ActorSystemInfo>,
  SupervisorEvent
>

/**
 * A supervisor as XState actor logic: it can be a child of another supervisor, be invoked or spawned by any machine, or
 * stand alone with {@link createSupervisor}. It emits {@link SupervisorEvents}, and ends with `exitWith(shutdown)` as
 * its output after `{ type: 'supervisor.shutdown' }`, or with an error: START_FAILED if a child did not start, STOPPED
 * if it gave up.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once.
 */
export function supervisor<
  const TSpecs extends Specs = readonly ChildSpec[],
  TLogics extends readonly unknown[] = readonly unknown[],
  const TStrategy extends Strategy = undefined,
  const TId extends string = string,
>(given: CheckedOptions<TSpecs, TLogics, TStrategy, TId>): SupervisorLogic {
  return logicOf(checkedOptions(given as SupervisorOptions))
}

/** As {@link supervisor}, of options that are checked already. */
export function logicOf(options: SupervisorOptions): SupervisorLogic {
  const settings = resolveOptions(options)
  /** The logic may be shared by many actors. */
  const shells = new WeakMap<AnyActorRef, Shell>()

  const create = (scope: SupervisorScope, memory?: SupervisorMemory): SupervisorSnapshot => {
    const shell = new Shell(scope, settings, options, memory)
    recallNested(shell.state, memory?.nested)
    shells.set(scope.self as AnyActorRef, shell)
    return viewOf(shell)
  }
  const logic: SupervisorLogic & { [SUPERVISOR]: true; [READY]: typeof isInPhaseRunning } = {
    [SUPERVISOR]: true,
    [READY]: isInPhaseRunning,
    config: options,
    getInitialSnapshot: (scope) => create(scope),
    restoreSnapshot: (persisted, scope) => create(scope as SupervisorScope, (persisted as Partial<View>).memory),
    getPersistedSnapshot: (snapshot) => (snapshot as unknown as LiveView).persisted,
    start: (snapshot, scope) => {
      const ref = scope.self as AnyActorRef
      const old = shells.get(ref)
      // The actor was stopped, and is started again with the snapshot it had, as by React's StrictMode: the children
      // are started afresh (D13).
      if (old?.state.phase === 'stopped' && snapshot.status === 'active') create(scope as SupervisorScope, old.memory)
      scope.self.send({ type: 'supervisor.boot' })
    },
    transition: (snapshot, event: { type: string }, { self }) => {
      const shell = shells.get(self as AnyActorRef)
      if (shell === undefined) return snapshot
      try {
        return transition(shell, snapshot, event)
      } catch (error) {
        shell.fail(error)
        return viewOf(shell)
      }
    },
  }
  return logic
}

function transition(shell: Shell, snapshot: SupervisorSnapshot, event: { readonly type: string }): SupervisorSnapshot {
  const { type } = event
  const ended = endedActorOf(event)
  if (ended !== undefined) shell.ended(ended)
  else if (type === 'supervisor.child.arrived' && 'arrival' in event) shell.arrived(event as Arrival)
  else if (type === 'supervisor.child.exited' && 'ref' in event) shell.endedBy(event as ForeignExit)
  else if (isCoreEvent(event)) {
    if (event.type === 'supervisor.boot' || event.type === 'supervisor.shutdown') shell.handleOrder(event)
    else shell.handle(event)
  } else if (isStopEvent(event)) {
    shell.halt()
    return viewOf(shell, 'stopped')
  } else return snapshot // an unknown event is ignored (J14)
  return viewOf(shell)
}

/** A snapshot that reads its children only when asked. */
class LiveView implements View {
  readonly phase: Phase
  readonly status: string
  readonly output: ExitOutput | undefined
  readonly error: unknown
  readonly #shell: Shell

  constructor(shell: Shell, status?: 'stopped') {
    const { state, outcome } = shell
    this.#shell = shell
    this.phase = state.phase
    this.status = status ?? (outcome === undefined ? 'active' : outcome.type === 'error' ? 'error' : 'done')
    this.output = this.status === 'done' && outcome !== undefined ? exitWith(outcome) : undefined
    this.error = outcome?.type === 'error' ? outcome.error : undefined
  }

  get [SUPERVISOR](): true {
    return true
  }

  get [CAUSES](): Causes {
    const { state } = this.#shell
    return (id, stateOfChild) => {
      if (id === undefined) return state.cause
      const child = state.children.get(id)
      return child?.state === stateOfChild ? child?.cause : undefined
    }
  }

  get zombieEffects(): number {
    return this.#shell.zombieEffects
  }

  get memory(): SupervisorMemory {
    return this.#shell.memory
  }

  get persisted(): Snapshot<unknown> {
    const { status, output, error, memory } = this
    return { status, output, error, memory: { ...memory, ...nestedMemories(this.#shell.state) } } as Snapshot<unknown>
  }

  get supervised(): readonly ChildInfo[] {
    return listChildren(this.#shell.state)
  }

  child(id: string): ChildInfo | undefined {
    return this.#shell.state.children.get(id)?.info()
  }

  get budget(): RestartBudget {
    return restartBudget(this.#shell.state, this.#shell.latest())
  }

  explain(child: string | AnyActorRef): Explanation {
    return explain(this.#shell.state, child, this.#shell.latest())
  }

  journal(): JournalJson {
    const { journal, options } = this.#shell
    if (journal !== undefined) return journal.write(options) as JournalJson
    throw new TerrariumError('INVALID_ARGUMENT', `supervisor ${options.id} keeps no journal`, {
      hint: 'Give it the option `journal: keepJournal()`, from @terrarium/supervisor/replay.',
      details: { supervisor: options.id },
    })
  }

  toJSON(): SupervisorJson {
    const { state, outcome, now } = this.#shell
    const { children } = state
    const { status, phase } = this
    return toJson({ status, phase, now, children: children.values(), count: children.size, outcome })
  }
}

function viewOf(shell: Shell, status?: 'stopped'): SupervisorSnapshot {
  return new LiveView(shell, status) as unknown as SupervisorSnapshot
}
