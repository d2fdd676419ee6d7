// A pool as XState actor logic. The handle around it is in `handle.ts`.
import {
  GuardedClock,
  READY,
  reportOnce,
  systemClock,
  TerrariumError,
  type ExitOutput,
  type KeepAlive,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import { guardLogger, type AnyLogger } from '@terrarium/process'
import type {
  ActorLogic,
  ActorScope,
  ActorSystem,
  ActorSystemInfo,
  AnyActorRef,
  EventObject,
  NonReducibleUnknown,
  Snapshot,
} from 'xstate'
import { Access } from './access.ts'
import type { PoolAccess, PoolEvents } from './api.ts'
import { countsToKeep, type Counts } from './core/state.ts'
import { ownPoolOptions } from './own-options.ts'
import { validatePoolOptions, type PoolOptions } from './options.ts'
import { openResources } from './resources.ts'
import { Shell, type Tell } from './shell.ts'
import { persist, viewOf, type PersistedPool, type PoolSnapshot } from './snapshot.ts'

/** What a pool's actor emits: the events of {@link PoolEvents}, each with its name as `type`. */
export type PoolEmitted = {
  readonly [E in keyof PoolEvents]: { readonly type: E } & Parameters<PoolEvents[E]>[0]
}[keyof PoolEvents]

/** Ends the pool in order. An inspector sees other events too: what the pool's actor tells itself of its workers. */
export interface PoolShutdown {
  readonly type: 'supervisor.shutdown'
}

export type PoolLogic = ActorLogic<
  PoolSnapshot,
  PoolShutdown,
  NonReducibleUnknown,
  ActorSystem<ActorSystemInfo>,
  PoolEmitted
>

type PoolScope = ActorScope<PoolSnapshot, PoolShutdown, ActorSystem<ActorSystemInfo>, PoolEmitted>

/** What the handle of a pool gives to the pool's actor, and a nested pool does without. */
export interface HandleDependencies {
  readonly clock?: SupervisorClock
  readonly logger?: AnyLogger
  readonly keepAlive?: KeepAlive
  readonly tell?: Tell
}

/** The shell of the actor of a pool. A property of the actor, because each call looks it up. */
const SHELL = Symbol('shell')
type PoolActor = AnyActorRef & { [SHELL]?: Shell }

/**
 * A pool as XState actor logic: it can be a child of a supervisor, or be invoked or spawned by any machine.
 * {@link createPool} makes a pool that stands alone, {@link poolOf} makes calls.
 *
 * ```ts
 * const app = createSupervisor({ id: 'app', children: [{ id: 'text', logic: pool(options), type: 'supervisor' }] })
 * await app.start()
 * await poolOf(app.child('text')).call('word_count', { text: 'a b a' })
 * await app.stop()
 * ```
 *
 * - It counts as ready in phase `running`: once every worker is ready, or some are and others are parked. A pool whose
 *   workers are all parked stays, and heals by itself; `startTimeout` of its specification limits the wait.
 * - `{ type: 'supervisor.shutdown' }` ends it in order: calls in flight have `drainTimeout` ms, each worker has `grace`
 *   ms. It is done, with `exitWith({ type: 'shutdown' })` as its output, when no process is left. `type: 'supervisor'`
 *   in its specification gives it the time that it takes.
 * - Stopped by XState, as by `stop()` of a root actor, it kills its workers at once. Started again on the same actor it
 *   opens a new run.
 * - It fails with CONFIGURATION or START_FAILED if it cannot be opened (interpreter, state directory, containment), and
 *   with STOPPED if the supervisor of its workers gives up.
 * - `inspect` is for `createPool()`: a nested pool is inspected with its root. The default
 *   of `clock` is the clock of the root.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once. Starts nothing.
 */
export function pool(options: PoolOptions): PoolLogic {
  const own = ownPoolOptions(options)
  validatePoolOptions(own)
  return poolLogic(own)
}

/**
 * The calls of a pool, given by its actor. Throws INVALID_ARGUMENT if it is no actor of a pool. A pool that is started
 * again by its supervisor is another actor: ask for `app.child(id)` anew.
 */
export function poolOf(ref: AnyActorRef | undefined): PoolAccess {
  if (ref !== undefined && isPool(ref)) return new Access(() => shellOf(ref))
  throw new TerrariumError(
    'INVALID_ARGUMENT',
    `${ref === undefined ? 'undefined' : 'the value'} is no actor of a pool`,
    {
      hint: 'Pass the ref of an actor whose logic pool() has made, while there is one.',
    },
  )
}

export const isPool = (ref: AnyActorRef): boolean => SHELL in ref

export function shellOf(ref: AnyActorRef): Shell {
  const shell = (ref as PoolActor)[SHELL]
  if (shell === undefined) throw new Error('the actor is no pool')
  return shell
}

/** `options`: checked. `open`: what the workers stand on. */
export function poolLogic(options: PoolOptions, handle?: HandleDependencies, open = openResources): PoolLogic {
  const logger = handle?.logger ?? guardLogger(options.logger, { pool: options.name })

  const create = (scope: PoolScope, counts?: Partial<Counts>): PoolSnapshot => {
    const { self, emit, stopChild } = scope
    const shell = new Shell({
      options,
      clock: handle?.clock ?? clockFor(options, self as AnyActorRef, logger),
      logger,
      self: self as AnyActorRef,
      stopChild,
      hasHandle: handle !== undefined,
      keepAlive: handle?.keepAlive,
      open,
      counts,
      tell: (event, told) => {
        emit({ type: event, ...told } as unknown as PoolEmitted)
        handle?.tell?.(event, told)
      },
    })
    ;(self as PoolActor)[SHELL] = shell
    return viewOf(shell)
  }

  const logic: PoolLogic & { readonly [READY]: (snapshot: PoolSnapshot) => boolean } = {
    [READY]: ({ phase }) => phase === 'running',
    config: { name: options.name },
    getInitialSnapshot: (scope) => create(scope),
    restoreSnapshot: (persisted, scope) => {
      const { status, output, error, counts } = persisted as Partial<PersistedPool>
      const view = create(scope as PoolScope, counts)
      const shell = shellOf(scope.self as AnyActorRef)
      // A pool that has ended stays ended, as XState has it; any other is started afresh.
      if (status === 'done') shell.hasEnded((output as ExitOutput | undefined)?.exit ?? { type: 'shutdown' })
      else if (status === 'error') shell.hasEnded({ type: 'error', error })
      else return view
      return viewOf(shell)
    },
    getPersistedSnapshot: (snapshot) => persist(snapshot) as Snapshot<unknown>,
    start: (snapshot, scope) => {
      const old = shellOf(scope.self as AnyActorRef)
      // Stopped, and started with the snapshot it had, as by React's StrictMode: the workers are started afresh.
      if (old.state.status === 'stopped' && snapshot.status === 'active')
        create(scope as PoolScope, countsToKeep(old.state.counts))
      shellOf(scope.self as AnyActorRef).run()
    },
    transition: (snapshot, event, { self }) => {
      const shell = (self as PoolActor)[SHELL]
      if (shell === undefined) return snapshot
      const { type } = event as EventObject
      if (type === 'supervisor.shutdown') shell.handle({ type: 'pool.stop' })
      else if (type === 'xstate.stop') {
        shell.handle({ type: 'pool.halt' })
        return viewOf(shell, 'stopped')
      } else if (shell.hasPosted(event)) shell.handle(event)
      else return snapshot // a message that a pool does not know means nothing to it
      return viewOf(shell)
    },
  }
  return logic
}

/** XState's clocks cannot tell the time. The clock of a supervisor at the root of the system can. */
function clockFor({ name, clock: own }: PoolOptions, self: AnyActorRef, logger: AnyLogger): SupervisorClock {
  const { clock: root } = self as { readonly clock?: Partial<SupervisorClock> }
  const clock = own ?? (typeof root?.now === 'function' ? (root as SupervisorClock) : systemClock)
  return clock === systemClock ? clock : guarded(clock, name, logger)
}

/** A clock of the user's that cannot do harm: what it does wrong is logged once. */
export function guarded(clock: SupervisorClock, name: string, logger: AnyLogger): SupervisorClock {
  const report = reportOnce((what, err) => {
    logger.error({ err }, what)
  })
  return new GuardedClock(clock, (method, error) => {
    report(`clock.${method}() of pool ${name} failed`, error)
  })
}
