// The actor logic of a thread, in the host: it opens a session, passes events in and out, and shows the snapshots from
// inside as its own.
import {
  exitWith,
  faultReporter,
  READY,
  TerrariumError,
  type ExitReason,
  type OnFault,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import { matchesState, type AnyActorLogic, type AnyActorRef, type EventObject } from 'xstate'
import { cannotClone } from './cloning.ts'
import type { Mirror } from './protocol.ts'
import { Session, type SessionNews } from './session.ts'
import type { ThreadSource } from './thread.ts'
import type { ThreadLogic } from './types.ts'

export interface ThreadSettings {
  readonly name: string | undefined
  /** In ms. */
  readonly startTimeout: number
  readonly isUnreferenced: boolean
  readonly onFault: OnFault | undefined
}

/** What an actor knows of its thread. */
interface Fields {
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  readonly output: unknown
  readonly error: unknown
  readonly phase: 'starting' | 'running' | 'stopping'
  readonly input: unknown
  /** The last snapshot from inside; before the first, what the actor continues from. */
  readonly mirror: Mirror | undefined
}

/** What XState passes to the logic of an actor, as far as it is used here. */
interface Scope {
  readonly self: AnyActorRef
  readonly emit: (event: EventObject) => void
  /** Runs `work` after the transition. */
  readonly defer: (work: () => void) => void
}

const NEWS = 'terrarium.thread'
const STOP = 'xstate.stop'
const SHUTDOWN = 'supervisor.shutdown'

/** News of a session, as an event of its actor. An event without the actor's own session is ignored. */
interface NewsEvent extends EventObject {
  readonly type: typeof NEWS
  readonly session: Session
  readonly news: SessionNews
}

const METHODS = {
  matches(this: { readonly value?: unknown }, state: unknown): boolean {
    return this.value !== undefined && matchesState(state as string, this.value as string)
  },
  hasTag(this: { readonly tags: readonly string[] }, tag: string): boolean {
    return this.tags.includes(tag)
  },
  can: ({ type }: EventObject): boolean => type === SHUTDOWN,
}

/** Makes the logic of all threads of one kind. */
export function threadLogic<TLogic extends AnyActorLogic>(
  source: ThreadSource,
  settings: ThreadSettings,
  config: unknown,
): ThreadLogic<TLogic> {
  const { name } = settings
  const report = faultReporter(settings.onFault)
  const sessions = new WeakMap<AnyActorRef, Session>()

  const open = (self: AnyActorRef, { input, mirror }: Fields): Session => {
    const session: Session = new Session({
      ...settings,
      id: self.id,
      name: name ?? self.id,
      source,
      input,
      snapshot: mirror?.persisted,
      clock: clockOf(self),
      tell: (news) => {
        self.send({ type: NEWS, session, news } satisfies NewsEvent)
      },
      refused: (event, error) => {
        report(`event ${event.type} was not sent to thread ${name ?? self.id}`, error)
      },
    })
    return session
  }

  const logic = {
    config,
    [READY]: ({ phase }: Fields): boolean => phase === 'running',

    getInitialSnapshot: ({ self }: Scope, input: unknown): Fields => {
      try {
        structuredClone(input)
      } catch (cause) {
        throw cannotClone(name ?? self.id, 'input', input, cause)
      }
      return viewOf({ ...ACTIVE, input, mirror: undefined })
    },

    /** Throws INVALID_ARGUMENT for a snapshot of which a part could not be sent here. */
    getPersistedSnapshot: ({ status, output, error, input, mirror }: Fields): object => {
      if (status === 'active' && mirror !== undefined && mirror.inline.length > 0) throw inlineChildren(mirror.inline)
      return { status, output, error, input, mirror }
    },

    /** The thread is started again, and its actor continues from the last snapshot that came from inside. */
    restoreSnapshot: (persisted: Fields): Fields =>
      viewOf(persisted.status === 'active' ? { ...persisted, ...ACTIVE } : persisted),

    start: (snapshot: Fields, { self }: Scope): void => {
      if (snapshot.status === 'active') sessions.set(self, open(self, snapshot))
    },

    transition: (snapshot: Fields, event: EventObject | NewsEvent, scope: Scope): Fields => {
      const session = sessions.get(scope.self)
      if (event.type === STOP) {
        session?.close()
        return viewOf({ ...snapshot, status: 'stopped' })
      }
      if (event.type === NEWS && 'news' in event)
        return event.session === session ? heard(snapshot, event.news, scope) : snapshot
      if (session === undefined) return snapshot
      if (event.type === SHUTDOWN) return session.shutDown() ? viewOf({ ...snapshot, phase: 'stopping' }) : snapshot
      session.send(event)
      return snapshot
    },
  }
  return logic as unknown as ThreadLogic<TLogic>
}

const ACTIVE = { status: 'active', output: undefined, error: undefined, phase: 'starting' } as const

function heard(snapshot: Fields, news: SessionNews, { self, emit, defer }: Scope): Fields {
  switch (news.type) {
    case 'snapshot': {
      const { mirror } = news
      return viewOf({ ...snapshot, mirror, phase: snapshot.phase === 'stopping' ? 'stopping' : 'running' })
    }
    case 'sent':
      defer(() => parentOf(self)?.send(news.event))
      return snapshot
    case 'emitted':
      defer(() => {
        emit(news.event)
      })
      return snapshot
    case 'over':
      return viewOf({ ...snapshot, ...endOf(news.reason) })
  }
}

function endOf(reason: ExitReason): Pick<Fields, 'status' | 'output' | 'error'> {
  switch (reason.type) {
    case 'error':
      return { status: 'error', output: undefined, error: reason.error }
    case 'normal':
      return { status: 'done', output: reason.output, error: undefined }
    case 'shutdown':
    case 'killed':
      return { status: 'done', output: exitWith(reason), error: undefined }
  }
}

/** The snapshot with the fields of the snapshot from inside, and with methods as those of a machine. */
function viewOf(fields: Fields): Fields {
  const { persisted = {}, tags = [] } = fields.mirror ?? {}
  const { status, output, error, phase, input, mirror } = fields
  const view = Object.create(METHODS) as object
  return Object.assign(view, { input }, persisted, { tags, status, output, error, phase, mirror })
}

/** The clock of the actor's system, by which a start is timed. */
function clockOf(self: AnyActorRef): Pick<SupervisorClock, 'setTimeout' | 'clearTimeout'> {
  return (self as unknown as { readonly clock: SupervisorClock }).clock
}

function parentOf(self: AnyActorRef): { send(event: EventObject): void } | undefined {
  return (self as { readonly _parent?: AnyActorRef })._parent
}

function inlineChildren(children: readonly string[]): TerrariumError {
  const list = children.join(', ')
  return new TerrariumError('INVALID_ARGUMENT', `the actor in the thread has children without a named logic: ${list}`, {
    hint: 'Name their logic in setup({ actors }) and refer to it by name, so that the snapshot can be persisted.',
    details: { children },
  })
}
