// The children of a supervisor and of all supervisors below it, as one list with paths. For matchers and faults.
import type { AnyActorRef } from 'xstate'
import { parentOf } from '../actor/xstate.ts'
import { isSupervisor } from '../base/brand.ts'
import { messageOf, TerrariumError } from '../base/errors.ts'
import { show } from '../base/show.ts'
import type { ChildInfo } from '../spec/child-info.ts'

/** A supervisor, as `createSupervisor()` makes it, or the actor of one. */
export type Supervised = { readonly ref: AnyActorRef } | AnyActorRef

/** A child or a worker somewhere below a supervisor. */
export interface Descendant {
  /** The ids from the supervisor down, with `/` in between: `jobs/mailer`. */
  readonly path: string
  /** `running` or `ready`; anything else is not ready. */
  readonly state: string
  /** 0 before the first start, then counts starts. */
  readonly incarnation: number
  /** Why it failed last. */
  readonly why?: string | undefined
}

/** What another kind of actor has below it, for example a pool its workers; undefined for an actor of another kind. */
export type Inside = (ref: AnyActorRef) => readonly Descendant[] | undefined

interface Snapshot {
  readonly status: string
  readonly phase?: string
  readonly supervised?: readonly ChildInfo[]
  readonly children?: Readonly<Record<string, unknown>>
}

export const snapshotOf = (ref: AnyActorRef): Snapshot => ref.getSnapshot() as Snapshot

/** The actor. Throws INVALID_ARGUMENT if there is none, or if it is no supervisor and `inside` does not know it. */
export function rootOf(subject: unknown, inside?: Inside): AnyActorRef {
  const ref = isRef(subject) ? subject : (subject as { readonly ref?: unknown } | null | undefined)?.ref
  if (isRef(ref) && (isSupervisor(ref.getSnapshot()) || inside?.(ref) !== undefined)) return ref
  throw new TerrariumError('INVALID_ARGUMENT', `${show(subject)} is no supervisor`, {
    hint: 'Pass what createSupervisor() has made, or the actor of a supervisor.',
  })
}

export function isRef(value: unknown): value is AnyActorRef {
  return typeof value === 'object' && value !== null && typeof (value as AnyActorRef).getSnapshot === 'function'
}

/** All descendants, each before its own. Actors between two supervisors, such as machines, only add to the paths. */
export function* descendantsOf(ref: AnyActorRef, inside?: Inside, above = ''): Generator<Descendant> {
  const found = inside?.(ref)
  if (found !== undefined) {
    for (const each of found) yield { ...each, path: `${above}${each.path}` }
    return
  }
  const { supervised, children = {} } = snapshotOf(ref)
  if (supervised !== undefined && isSupervisor(ref.getSnapshot())) {
    for (const { id, state, incarnation, failure, ref: child } of supervised) {
      const path = `${above}${id}`
      yield { path, state, incarnation, why: failure && messageOf(failure.error) }
      if (child !== undefined) yield* descendantsOf(child, inside, `${path}/`)
    }
    return
  }
  for (const child of Object.values(children)) {
    if (isRef(child)) yield* descendantsOf(child, inside, `${above}${child.id}/`)
  }
}

/** The path of an actor below a root; undefined for an actor that is not below it. */
export function pathOf(ref: AnyActorRef, root: AnyActorRef): string | undefined {
  const ids: string[] = []
  for (let each: AnyActorRef | undefined = ref; each !== root; each = parentOf(each)) {
    if (each === undefined) return undefined
    ids.unshift(each.id)
  }
  return ids.join('/')
}

/** The present actor with this path; undefined while there is none. */
export function actorAt(root: AnyActorRef, path: string): AnyActorRef | undefined {
  if (path === '') return root
  const { supervised, children = {} } = snapshotOf(root)
  const below = (supervised?.map(({ ref }) => ref) ?? Object.values(children)).filter(isRef)
  // An id may have a slash in it, so no path is cut at its slashes.
  for (const child of below) {
    if (path === child.id) return child
    const found = path.startsWith(`${child.id}/`) ? actorAt(child, path.slice(child.id.length + 1)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
