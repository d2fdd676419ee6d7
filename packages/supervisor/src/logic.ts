import type { ActorLogic, ActorSystem, ActorSystemInfo, AnyActorRef, NonReducibleUnknown, Snapshot } from 'xstate'
import { SUPERVISOR } from './brand.ts'
import type { ChildInfo } from './child-info.ts'
import type { CoreEvent } from './core/event.ts'
import { listChildren, type Phase } from './core/state.ts'
import type { SupervisorEvent } from './events.ts'
import { exitWith, type ExitOutput, type ExitReason } from './exit-reason.ts'
import { resolveOptions, type SupervisorOptions } from './options.ts'
import { Shell, type SupervisorScope } from './shell.ts'
import { validateOptions } from './validate.ts'

export type SupervisorSnapshot = Snapshot<ExitOutput> & {
  readonly phase: Phase
  /** In start order, as it is when it is looked at. */
  readonly supervised: readonly ChildInfo[]
}

export type SupervisorLogic = ActorLogic<
  SupervisorSnapshot,
  CoreEvent,
  NonReducibleUnknown,
  ActorSystem<ActorSystemInfo>,
  SupervisorEvent
>

const CORE_EVENT = /^supervisor\./

/**
 * A supervisor as XState actor logic: it can be a child of another supervisor, be invoked or spawned by any machine, or
 * stand alone with {@link createSupervisor}. It emits {@link SupervisorEvents}, and ends with `exitWith(shutdown)` as its
 * output after `{ type: 'supervisor.shutdown' }`, or with an error: START_FAILED if a child did not start, STOPPED if it
 * gave up.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once.
 */
export function supervisor(options: SupervisorOptions): SupervisorLogic {
  validateOptions(options)
  const settings = resolveOptions(options)
  /** The logic may be shared by many actors. */
  const shells = new WeakMap<AnyActorRef, Shell>()

  const create = (scope: SupervisorScope): SupervisorSnapshot => {
    const shell = new Shell(scope, settings, options)
    shells.set(scope.self as AnyActorRef, shell)
    return snapshotOf(shell)
  }
  const logic: SupervisorLogic & { [SUPERVISOR]: true } = {
    [SUPERVISOR]: true,
    config: options,
    getInitialSnapshot: create,
    restoreSnapshot: (_persisted, scope) => create(scope as SupervisorScope),
    getPersistedSnapshot: ({ status, output, error }) => ({ status, output, error }) as Snapshot<unknown>,
    start: (_snapshot, { self }) => {
      self.send({ type: 'supervisor.boot' })
    },
    transition: (snapshot, event: { type: string }, { self }) => {
      const shell = shells.get(self as AnyActorRef)
      if (shell === undefined) return snapshot
      if (event.type === 'xstate.stop') {
        shell.handle({ type: 'supervisor.halt' })
        return { ...snapshotOf(shell), status: 'stopped' } as SupervisorSnapshot
      }
      if (!CORE_EVENT.test(event.type)) return snapshot // what XState relays from children is told by their observers
      shell.handle(event as CoreEvent)
      return snapshotOf(shell)
    },
  }
  return logic
}

function snapshotOf({ state, outcome }: Shell): SupervisorSnapshot {
  const view = {
    [SUPERVISOR]: true,
    phase: state.phase,
    get supervised() {
      return listChildren(state)
    },
  }
  return Object.assign(view, statusOf(outcome))
}

function statusOf(outcome: ExitReason | undefined): Snapshot<ExitOutput> {
  if (outcome === undefined) return { status: 'active', output: undefined, error: undefined }
  if (outcome.type === 'error') return { status: 'error', output: undefined, error: outcome.error }
  return { status: 'done', output: exitWith(outcome), error: undefined }
}
