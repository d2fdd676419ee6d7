// Groups: which children are restarted together with a failed one, and which have to be stopped first.
import { settleStopped } from './lifecycle.ts'
import type { Child } from './state.ts'
import { run, type Purpose } from './task.ts'
import type { Turn } from './turn.ts'

/**
 * The ids that are restarted together, in start order, without parked children. `planned`: the ids that the strategy
 * names; `remaining`: the ids whose start was waiting for this child's.
 */
export function groupOf(
  turn: Turn,
  child: Child,
  planned: readonly string[],
  remaining: readonly string[],
): readonly string[] {
  const { children } = turn.state
  const alone = planned.length === 0 || (planned.length === 1 && planned[0] === child.id)
  if (alone && remaining.length === 0) return [child.id]
  const wanted = new Set([child.id, ...planned, ...remaining])
  // A member that waits for its own restart brings its held group with it (X09).
  for (const id of wanted) {
    const member = children.get(id)
    if (member?.isWaiting === true) for (const held of member.trouble.group ?? []) wanted.add(held)
  }
  const group: string[] = []
  for (const member of children.values()) if (wanted.has(member.id) && comesBack(turn, member)) group.push(member.id)
  return group
}

function comesBack({ state }: Turn, { state: now, isHeld }: Child): boolean {
  if (now === 'parked') return false
  return now !== 'stopped' || isHeld || state.settings.reviveStopped
}

/** True if a member of a held group is still to come back. It may have been stopped or deleted meanwhile. */
export function isWanted(turn: Turn, failed: Child, id: string): boolean {
  const member = turn.state.children.get(id)
  return member !== undefined && (member === failed || comesBack(turn, member))
}

/** When the group can start: the latest time at which one of its members was due. Their own waits end. */
export function joinWaiting(turn: Turn, child: Child, group: readonly string[], at: number): number {
  let latest = at
  for (const id of group) {
    const member = turn.state.children.get(id)
    if (member === undefined || member === child || !member.isWaiting) continue
    latest = Math.max(latest, member.trouble.until ?? at)
    member.isHeld = true // before it is settled, or a dynamic child would be deleted
    settleStopped(turn, member)
  }
  return latest
}

/**
 * The group's members that have to be stopped first, the next one last. They come back with the failed child, and its
 * cause becomes theirs. A member that is held already keeps the cause for which it went down.
 */
export function heldFor({ state }: Turn, failed: Child, group: readonly string[]): Child[] {
  const stops: Child[] = []
  for (const id of group) {
    const member = state.children.get(id)
    if (member === undefined || member === failed) continue
    const isDown = member.state === 'stopped'
    if (!isDown || !member.isHeld) member.cause = failed.cause
    if (isDown) continue
    member.isHeld = true
    stops.push(member)
  }
  return stops
}

/** Stops the other members of the failed child's group until it is started again. */
export function hold(turn: Turn, child: Child, group: readonly string[]): void {
  if (group.length === 1) return
  child.troubled.group = group
  run(turn, HOLD, undefined, heldFor(turn, child, group), [])
}

const HOLD: Purpose = {}
