// What a page is told of an actor: all of it, or what changes.
import { kindOf, snapshotOf } from './actor-ref.ts'
import type { ActorChange, ActorKind, ActorView } from './protocol.ts'
import { refOf, type Entry, type Machines } from './roster.ts'

/** The kind of an actor. Undefined before its first snapshot, by which the kind is recognised. */
function kindOfLiving(entry: Entry): ActorKind | undefined {
  const ref = refOf(entry)
  if (ref === undefined) return undefined
  const snapshot = snapshotOf(ref)
  return snapshot && kindOf(ref.logic, snapshot)
}

/** What a page shows of an entry. */
export function viewOf(entry: Entry, machines: Machines): ActorView {
  const { id, parent, name, value, status, since, born, events, last, error } = entry
  const machine = machines.idOf(entry)
  entry.kind ??= machine === undefined ? kindOfLiving(entry) : 'machine'
  return {
    id,
    ...(parent !== undefined && { parent }),
    name,
    kind: entry.kind ?? 'other',
    ...(machine !== undefined && { machine }),
    value,
    status,
    since: Math.round(since),
    born: Math.round(born),
    events,
    ...(last !== undefined && { last }),
    ...(error !== undefined && { error }),
  }
}

/** What a delta tells of an actor that is known. */
export function changeOf({ value, status, since, events, last, error }: Entry): ActorChange {
  return {
    value,
    status,
    since: Math.round(since),
    events,
    ...(last !== undefined && { last }),
    ...(error !== undefined && { error }),
  }
}
