// What the tap reads of XState's actors, all of it in one place: XState's types hide some of it. Nothing here throws.
import type { ActorKind, ActorStatus, StateValue } from './protocol.ts'
import { rootOf } from './definition.ts'

/** What is read of an actor. */
export interface ActorLike {
  readonly id: string
  readonly sessionId: string
  readonly system: object
  readonly logic?: unknown
  readonly src?: unknown
  readonly _parent?: object | undefined
  readonly _processingStatus?: unknown
  getSnapshot(): unknown
}

export interface SnapshotLike {
  readonly status?: unknown
  readonly value?: unknown
  readonly context?: unknown
  readonly output?: unknown
  readonly error?: unknown
  readonly input?: unknown
  readonly tags?: unknown
  readonly children?: unknown
}

/** An event of XState's inspection. */
export interface InspectionLike {
  readonly type: string
  readonly actorRef: ActorLike
  readonly sourceRef?: ActorLike | undefined
  readonly event?: { readonly type: string }
  readonly snapshot?: SnapshotLike
}

/** Where its own id says nothing to a user: ids of XState's making. */
const MADE_ID = /^(?:x:\d+$|\d+\.)/

/** The name of an actor: its id, or the name of its source where XState made the id. */
export function nameOf({ id, src, logic }: ActorLike): string {
  if (!MADE_ID.test(id)) return id
  const root: { readonly id?: string } | undefined = rootOf(logic)
  const source = typeof src === 'string' ? src : root?.id
  return source === undefined || source === '(machine)' || source.startsWith('xstate.') ? id : source
}

/** Undefined before an actor has its first one. */
export function snapshotOf(ref: ActorLike): SnapshotLike | undefined {
  try {
    const snapshot = ref.getSnapshot()
    return typeof snapshot === 'object' && snapshot !== null ? snapshot : undefined
  } catch {
    return undefined
  }
}

/** Whether an actor was started. True also after its end. */
export const hasStarted = ({ _processingStatus: status }: ActorLike): boolean => status !== 0

/** The actors that an actor has spawned or invoked, and that have not been removed. */
export function childrenOf(ref: ActorLike): readonly ActorLike[] {
  const children = snapshotOf(ref)?.children
  return isObject(children) ? Object.values(children).filter(isActor) : []
}

/** Whether something is an actor of XState. */
export const isActor = (value: unknown): value is ActorLike =>
  isObject(value) && typeof value.getSnapshot === 'function' && typeof value.sessionId === 'string'

const STATUSES: ReadonlySet<unknown> = new Set<ActorStatus>(['active', 'done', 'error', 'stopped'])

/** A logic of a user may have a status of its own. */
export const statusOf = ({ status }: SnapshotLike): ActorStatus =>
  status !== 'active' && STATUSES.has(status) ? (status as ActorStatus) : 'active'

/** Empty for what has no states. */
export function valueOf({ value }: SnapshotLike): StateValue {
  return typeof value === 'string' || isObject(value) ? (value as StateValue) : ''
}

export function isSameValue(a: StateValue, b: StateValue): boolean {
  if (a === b) return true
  if (typeof a === 'string' || typeof b === 'string') return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => isSameValue(a[key] ?? '', b[key] ?? ''))
}

/** The kind of an actor, for its icon. XState does not tell it: a promise is known by what its logic does. */
export function kindOf(logic: unknown, snapshot: SnapshotLike | undefined): ActorKind {
  try {
    if (rootOf(logic) !== undefined) return 'machine'
    if (!isObject(logic) || snapshot === undefined) return 'other'
    if ('_subscription' in snapshot) return 'observable'
    const { start, config } = logic
    if (typeof config !== 'function') return 'context' in snapshot ? 'transition' : 'other'
    if ('context' in snapshot && !('input' in snapshot)) return 'transition'
    if ('context' in snapshot) return 'observable'
    return /\.then\(/.test(String(start)) ? 'promise' : 'callback'
  } catch {
    return 'other'
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
