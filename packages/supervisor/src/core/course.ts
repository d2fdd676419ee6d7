// Sorts the actions of a plan: which children are to be stopped, parked, started now and started later.
import type { FailureInfo } from '../policy/failure.ts'
import type { Because } from '../spec/because.ts'
import type { PlanAction } from '../spec/strategy.ts'
import type { Child } from './state.ts'
import type { Turn } from './turn.ts'

/** Children that are started together, in this order. */
export interface Group {
  readonly ids: string[]
  /** When they are due, in ms. */
  at: number
}

/** A child that a plan parks. `until` in ms; `undefined`: latched. */
export interface Parking {
  readonly child: Child
  readonly until: number | undefined
}

/** What remains to be done once the children that a plan stops are down. */
export interface Course {
  readonly failed: Child
  readonly failure: FailureInfo
  readonly parkings: Parking[]
  /** The children with the action `restart`. */
  readonly now: Group
  /** The children with the action `delay`, by its time in ms. */
  readonly later: Map<number, Group>
  /** The children to be stopped, the next one last. */
  readonly stops: Child[]
}

/**
 * Sorts the actions for all children but the failed one, whose own action is among them only for its place in the
 * order. Ends the waits of the children that are named, and takes them out of the groups of others.
 */
export function courseOf(
  turn: Turn,
  failed: Child,
  failure: FailureInfo,
  actions: readonly PlanAction[],
  remaining: readonly string[],
): Course {
  const course: Course = {
    failed,
    failure,
    parkings: [],
    now: { ids: [], at: turn.now },
    later: new Map(),
    stops: [],
  }
  const named = new Set(actions.map(({ child }) => child))
  for (const step of actions) {
    const child = turn.state.children.get(step.child)
    if (child === undefined) continue
    const followers = child === failed ? remaining : child.isWaiting ? (child.trouble.group ?? []) : []
    const unnamed = followers.filter((id) => !named.has(id) && isDown(turn, id))
    for (const id of unnamed) named.add(id)
    sort(turn, course, child, step, unnamed)
  }
  ungroup(turn, named)
  return course
}

/** Children that are to be started after another child: as long as they are down, their start is still due. */
function isDown({ state: { children } }: Turn, id: string): boolean {
  const child = children.get(id)
  if (child?.state !== 'stopped') return false
  child.isHeld = true
  return true
}

function sort(turn: Turn, course: Course, child: Child, step: PlanAction, followers: readonly string[]): void {
  const isFailed = child === course.failed
  const action = !isFailed && child.restart === 'temporary' ? 'stop' : step.action
  const isComing = action === 'restart' || action === 'delay'
  const { parkedFor } = child.trouble
  const isFree = parkedFor === 'strategy' || (parkedFor !== 'request' && action === 'stop')
  const staysParked = child.state === 'parked' && !isFree
  if (staysParked) return // the breaker outranks the strategy
  const group = step.action === 'delay' && isComing ? laterGroup(turn, course, step.by) : course.now
  if (isComing) group.ids.push(child.id)
  // Children that were to be started after this child are started all the same.
  group.ids.push(...followers)
  if (step.action === 'park' && action === 'park') {
    course.parkings.push({ child, until: step.for === undefined ? undefined : turn.now + step.for })
  }
  if (isFailed) return
  if (action === 'restart' && child.isWaiting) group.at = Math.max(group.at, child.trouble.until ?? group.at)
  child.cause = causeFor(turn, course.failed, step)
  child.isHeld = action !== 'stop'
  if (child.state !== 'stopped' || action === 'stop') course.stops.push(child)
}

function laterGroup(turn: Turn, { later }: Course, by: number): Group {
  const group = later.get(by) ?? { ids: [], at: turn.now + by }
  later.set(by, group)
  return group
}

/** The cause of the failed child, with what the plan says of another one. */
export function causeFor({ state }: Turn, { cause }: Child, { action, because }: PlanAction): Because | undefined {
  const strategy = state.settings.strategy.name
  return cause === undefined ? undefined : { ...cause, plan: { strategy, action, because } }
}

/** Takes the children that a plan deals with out of the groups that wait for other children. */
function ungroup({ state: { children } }: Turn, dealtWith: ReadonlySet<string>): void {
  for (const child of children.values()) {
    const { group } = child.trouble
    if (group === undefined || dealtWith.has(child.id)) continue
    if (group.some((id) => dealtWith.has(id))) child.troubled.group = group.filter((id) => !dealtWith.has(id))
  }
}

/** The member for which a group waits: the failed child if it is among them, else the first that comes back. */
export function leaderOf({ state: { children } }: Turn, { failed }: Course, { ids }: Group): Child | undefined {
  if (ids.includes(failed.id)) return failed
  const first = ids.find((id) => children.get(id)?.isHeld === true)
  return first === undefined ? undefined : children.get(first)
}
