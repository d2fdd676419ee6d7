// fromServer(): a server (OTP's gen_server) as XState actor logic.
import type { ActorLogic, ActorScope, ActorSystem, ActorSystemInfo, AnyActorRef, EventObject, Snapshot } from 'xstate'
import { isStopEvent } from '../../actor/xstate.ts'
import { isInPhaseRunning, READY } from '../../base/brand.ts'
import { exitWith, type ExitOutput } from '../../base/exit-reason.ts'
import type { ServerBehaviour } from './behaviour.ts'
import { Server } from './server.ts'

export type ServerSnapshot<TState> = Snapshot<ExitOutput> & {
  /** The server's state; `undefined` until `init` has made it. */
  readonly context: TState | undefined
  /** `running` once `init` has succeeded, which is when a supervised server counts as ready. */
  readonly phase: Server<TState>['phase']
  /** Always true: by this a supervisor knows that the server handles the shutdown event. */
  can(event: EventObject): true
}

export type ServerLogic<TState, TInput> = ActorLogic<
  ServerSnapshot<TState>,
  EventObject,
  TInput,
  ActorSystem<ActorSystemInfo>
>

/**
 * A server (OTP's gen_server) as XState actor logic: it answers `call()`, takes `cast()` and any other event, one at a
 * time.
 *
 * ```ts
 * const counter = fromServer({
 *   init: () => ({ state: 0 }),
 *   handleCall: (_request, _from, count) => ({ reply: count }),
 *   handleCast: (_request, count) => ({ state: count + 1 }),
 * })
 * ```
 *
 * When its supervisor shuts it down a server that traps exits has its `shutdown` time to deal with the messages before
 * that and to run `terminate`; any other one ends at once. It ends with the error it failed with, else with
 * `exitWith(reason)` as its output. A start that fails is an error like any other.
 */
export function fromServer<
  TState,
  TInput = unknown,
  TRequest extends EventObject = EventObject,
  TEvent extends EventObject = EventObject,
>(behaviour: ServerBehaviour<TState, TInput, TRequest, TEvent>): ServerLogic<TState, TInput> {
  /** The logic may be shared by many actors. */
  const servers = new WeakMap<AnyActorRef, { readonly server: Server<TState>; readonly boot: () => void }>()

  const create = (
    { self, logger }: ActorScope<ServerSnapshot<TState>, EventObject>,
    origin: Parameters<Server<TState>['boot']>[0],
  ): ServerSnapshot<TState> => {
    const server = new Server(behaviour as unknown as ServerBehaviour<TState>, self as AnyActorRef, logger)
    servers.set(self as AnyActorRef, {
      server,
      boot: () => {
        server.boot(origin)
      },
    })
    return viewOf(server)
  }

  const logic: ServerLogic<TState, TInput> & { [READY]: typeof isInPhaseRunning } = {
    [READY]: isInPhaseRunning,
    config: behaviour,
    getInitialSnapshot: (scope, input) => create(scope, { input }),
    getPersistedSnapshot: ({ status, output, error, context }) =>
      ({ status, output, error, context }) as unknown as Snapshot<unknown>,
    /** The server continues with its persisted state. */
    restoreSnapshot: (persisted, scope) => {
      const view = create(scope, { state: (persisted as ServerSnapshot<TState>).context as TState })
      return { ...view, ...persisted } as ServerSnapshot<TState>
    },
    start: (_snapshot, { self }) => {
      self.send({ type: 'server.boot' })
    },
    transition: (snapshot, event, { self }) => {
      const { server, boot } = servers.get(self as AnyActorRef) ?? {}
      if (server === undefined) return snapshot
      if (isStopEvent(event)) {
        server.halt()
        return viewOf(server, 'stopped')
      }
      if (event.type === 'server.boot') boot?.()
      else server.receive(event)
      return viewOf(server)
    },
  }
  return logic
}

function viewOf<TState>(server: Server<TState>, status?: 'stopped'): ServerSnapshot<TState> {
  const { outcome, state, phase } = server
  return {
    status: status ?? (outcome === undefined ? 'active' : outcome.type === 'error' ? 'error' : 'done'),
    output: outcome === undefined || outcome.type === 'error' ? undefined : exitWith(outcome),
    error: outcome?.type === 'error' ? outcome.error : undefined,
    context: state,
    phase,
    can: () => true,
  } as unknown as ServerSnapshot<TState>
}
