import { createActor, type AnyActorLogic, type AnyActorRef } from 'xstate'
import { isSupervisor } from './brand.ts'
import { TerrariumError } from './errors.ts'
import { reasonOfOutput, type ExitReason } from './exit-reason.ts'
import { IGNORE, type ResolvedSpec, type StartContext } from './spec.ts'

/** The event that asks a child to end by itself. */
export const SHUTDOWN = { type: 'supervisor.shutdown' } as const

/** What XState itself sends to an actor that is being stopped. */
const XSTATE_STOP = { type: 'xstate.stop' } as const

/** Told in this order: `ignored`, or `exited` alone if there is no actor, or `spawned`, maybe `ready`, and `exited` once. */
export interface ChildReport {
  spawned(ref: AnyActorRef): void
  ignored(): void
  ready(): void
  exited(reason: ExitReason): void
}

interface ChildActorOptions {
  readonly spec: ResolvedSpec
  readonly context: StartContext
  readonly parent: AnyActorRef
  readonly report: ChildReport
  /** Whether this incarnation is still to be started, now that its logic has arrived. */
  readonly isWanted: () => boolean
  /** Stops a child hard. */
  readonly stopChild: (ref: AnyActorRef) => void
}

/** Makes the child's logic and starts an actor with it. Never throws: whatever goes wrong is reported. */
export function startChildActor(options: ChildActorOptions): void {
  const { spec, context, report, isWanted } = options
  const { logic } = spec.source
  const refuse = (error: unknown): void => {
    report.exited({ type: 'error', error })
  }
  const accept = (made: unknown): void => {
    if (made === IGNORE) report.ignored()
    else if (isLogic(made)) spawn(made, options)
    else refuse(notALogic(context))
  }
  if (typeof logic !== 'function') {
    accept(logic)
    return
  }
  let made: unknown
  try {
    made = logic(context)
  } catch (error) {
    refuse(error)
    return
  }
  if (!isPromiseLike(made)) {
    accept(made)
    return
  }
  made.then(
    (late) => {
      if (isWanted()) accept(late)
    },
    (error: unknown) => {
      if (isWanted()) refuse(error)
    },
  )
}

function spawn(logic: AnyActorLogic, { spec, parent, report, stopChild }: ChildActorOptions): void {
  let actor: AnyActorRef
  try {
    actor = createActor(logic, { id: spec.id, input: spec.source.input as never, parent })
  } catch (error) {
    report.exited({ type: 'error', error })
    return
  }
  // What happens inside start() is told after it: the actor has to be known before it can be ready, or gone.
  let early: (() => void)[] | undefined = []
  const tell = (news: () => void): void => {
    if (early === undefined) news()
    else early.push(news)
  }
  let over = false
  const exited = (reason: ExitReason): void => {
    if (over) return
    over = true
    tell(() => {
      report.exited(reason)
    })
  }
  const ready = (): void => {
    tell(() => {
      report.ready()
    })
  }
  // Without an observer for errors XState throws them from a timer, where nobody can catch them.
  actor.subscribe({
    error: (error: unknown) => {
      exited({ type: 'error', error })
      stopOrphans(actor)
    },
    complete: () => {
      exited(reasonOfEnd(actor))
    },
  })
  const isReady = spec.source.ready ?? (isSupervisor(logic) ? isBooted : undefined)
  if (isReady !== undefined) {
    watch(actor, isReady, ready, (error) => {
      exited({ type: 'error', error })
      stopChild(actor)
    })
  }
  try {
    actor.start()
  } catch (error) {
    exited({ type: 'error', error })
  }
  const news = early
  early = undefined
  report.spawned(actor)
  if (isReady === undefined && statusOf(actor) !== 'error') report.ready()
  for (const each of news) each()
}

/** Looks at every snapshot until one is ready, and no longer. */
function watch(
  actor: AnyActorRef,
  isReady: (snapshot: unknown) => boolean,
  ready: () => void,
  failed: (error: unknown) => void,
): void {
  const subscription = actor.subscribe({
    next: (snapshot: unknown) => {
      try {
        if (!isReady(snapshot)) return
        ready()
      } catch (error) {
        failed(error)
      }
      subscription.unsubscribe()
    },
    error: () => undefined,
  })
}

/**
 * A machine that throws leaves its invoked and spawned children running, with nobody to stop them
 * (https://github.com/statelyai/xstate/issues/5153).
 */
function stopOrphans(actor: AnyActorRef): void {
  const { children } = actor.getSnapshot() as { children?: unknown }
  for (const orphan of Object.values(children ?? {}) as (Partial<AnyActorRef> | undefined)[]) {
    if (orphan?._parent !== actor) continue // the children of a logic that is no machine may be anything
    if (statusOf(orphan as AnyActorRef) === 'active') orphan.send?.(XSTATE_STOP)
  }
}

/** Whether anything would come of asking the actor to end: a machine that handles the event now, or a supervisor. */
export function listensForShutdown(ref: AnyActorRef): boolean {
  const snapshot = ref.getSnapshot() as { can?: (event: { type: string }) => boolean }
  if (isSupervisor(snapshot)) return true
  try {
    return typeof snapshot.can === 'function' && snapshot.can(SHUTDOWN)
  } catch {
    return false
  }
}

function isBooted(snapshot: unknown): boolean {
  return (snapshot as { phase?: unknown }).phase === 'running'
}

function reasonOfEnd(actor: AnyActorRef): ExitReason {
  const { status, output } = actor.getSnapshot() as { status: string; output: unknown }
  return status === 'done' ? reasonOfOutput(output) : { type: 'killed' }
}

function statusOf(actor: AnyActorRef): string {
  return (actor.getSnapshot() as { status: string }).status
}

function isLogic(value: unknown): value is AnyActorLogic {
  return typeof value === 'object' && value !== null && typeof (value as AnyActorLogic).transition === 'function'
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}

function notALogic({ supervisor, id }: StartContext): TerrariumError {
  return new TerrariumError(
    'INVALID_ARGUMENT',
    `the logic function of child ${id} of ${supervisor} made no actor logic`,
  )
}
