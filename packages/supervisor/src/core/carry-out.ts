// Carries out the actions of a plan, in mode `default`: one core task stops what has to be stopped; then children are
// parked, the timers of delayed groups are set, and the other children are started.
import type { ParkCause } from '../policy/breaker.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { PlanAction } from '../spec/strategy.ts'
import type { Assessment } from './assess.ts'
import { causeFor, courseOf, leaderOf, type Course, type Group, type Parking } from './course.ts'
import { end } from './ending.ts'
import { EXCEEDED, giveUp } from './giving-up.ts'
import { settleStopped } from './lifecycle.ts'
import { park } from './park.ts'
import type { Child, CoreState } from './state.ts'
import { run, type Purpose } from './task.ts'
import { about, emit, setTimer, type Turn } from './turn.ts'

/** A plan, and what else is known of the failure. */
export interface Decision {
  readonly actions: readonly PlanAction[]
  readonly assessment: Assessment
  /** Why the breaker parks the failed child, if it does. */
  readonly cause: ParkCause | undefined
  /** The delay that the backoff proposes, in ms. */
  readonly delay: number
  /** The ids whose start was waiting for the failed child's. */
  readonly remaining: readonly string[]
}

/** Functions of restart.ts. */
export interface Afterwards {
  readonly restart: (turn: Turn, child: Child, group: readonly string[]) => void
  /** How long a child waits, in ms: its delay, or if there is none the time that the start rate makes it wait. */
  readonly reserve: (turn: Turn, child: Child, delay: number) => number
  readonly leavesRoom: (turn: Turn, child: Child) => boolean
  readonly isLastStraw: (state: CoreState, child: Child) => boolean
}

/** Carries out the plan for the failure of a child. */
export function carryOut(turn: Turn, failed: Child, decision: Decision, afterwards: Afterwards): void {
  const { assessment, cause, delay, remaining } = decision
  const { failure } = assessment
  const own = decision.actions.find(({ child }) => child === failed.id)
  if (own === undefined) return // a plan without it is refused
  failed.cause = causeFor(turn, failed, own)
  const comesBack = own.action === 'restart' || own.action === 'delay'
  const isOverruled = cause !== undefined && comesBack
  if (own.action === 'escalate' || (isOverruled && failed.spec.onExhausted === 'escalate')) {
    giveUp(
      turn,
      failed,
      isOverruled ? EXCEEDED[cause] : `strategy ${turn.state.settings.strategy.name}`,
      failure.error,
      failure,
    )
    return
  }
  const { actions } = decision
  const course = courseOf(
    turn,
    failed,
    failure,
    isOverruled ? actions.map((step) => (step === own ? keptDown(own) : step)) : actions,
    remaining,
  )
  const wait = own.action === 'delay' ? own.by : delay
  if (own.action === 'restart' && !isOverruled) course.now.at = Math.max(course.now.at, turn.now + wait)
  if (!areAdmitted(turn, course, afterwards)) return
  const parking = course.parkings.find(({ child }) => child === failed)
  if (isOverruled) park(turn, failed, cause, assessment)
  else if (parking !== undefined) parkFor(turn, parking, failure)
  else if (own.action === 'stop') {
    settleStopped(turn, failed)
    if (afterwards.isLastStraw(turn.state, failed)) {
      end(turn, { type: 'shutdown' })
      return
    }
  } else if (own.action === 'delay') remember(failed, own.by)
  const isNow = comesBack && !isOverruled && letWait(turn, course, afterwards)
  run(turn, CARRYING_OUT, { course, isNow, afterwards }, course.stops, [])
}

/** What becomes of an action that the breaker overrules: it only keeps its place. */
function keptDown({ child, because }: PlanAction): PlanAction {
  return { action: 'stop', child, ...(because === undefined ? {} : { because }) }
}

/** The delay before the next start, for backoffs that look at it. */
function remember({ troubled }: Child, delay: number): void {
  if (troubled.memory !== undefined) troubled.memory = { ...troubled.memory, delay }
}

/**
 * Counts a group that is to be started at once as an immediate restart: the start rate may make it wait, and beyond the
 * intensity the supervisor gives up. Returns false if it does.
 */
function areAdmitted(turn: Turn, course: Course, { reserve }: Afterwards): boolean {
  for (const group of [course.now, ...course.later.values()]) {
    const leader = leaderOf(turn, course, group)
    if (leader === undefined || group.at > turn.now) continue
    group.at += reserve(turn, leader, 0)
    if (group.at === turn.now && !turn.state.window.admit(turn.now)) {
      const { failed, failure } = course
      giveUp(turn, failed, 'restart intensity', failure.error, failure)
      return false
    }
  }
  return true
}

/**
 * Sets the timer of the failed child and of its group. Returns true if there is nothing to wait for: they are started
 * as soon as all that has to be stopped is down.
 */
function letWait(turn: Turn, { failed, failure, now, later }: Course, { leavesRoom }: Afterwards): boolean {
  const group = [now, ...later.values()].find(({ ids }) => ids.includes(failed.id))
  if (group === undefined) return false
  if (group.at === turn.now && failure.phase === 'run' && leavesRoom(turn, failed)) return true
  waitUntil(turn, failed, group, failure)
  return false
}

interface Carrying {
  readonly course: Course
  /** True if the failed child is started at once. */
  readonly isNow: boolean
  readonly afterwards: Afterwards
}

const CARRYING_OUT: Purpose<Carrying> = {
  done(turn, { course, isNow, afterwards }) {
    const { children } = turn.state
    const { failed, failure, now, later, parkings } = course
    for (const parking of parkings) {
      const { child } = parking
      if (!children.has(child.id)) continue
      if (child !== failed) parkFor(turn, parking, failure)
    }
    let first: readonly [Child, Group] | undefined
    for (const group of [now, ...later.values()]) {
      const leader = leaderOf(turn, course, group)
      if (leader === undefined) continue
      const isDue = leader === failed ? isNow : group.at <= turn.now && group === now
      if (isDue && first === undefined) first = [leader, group]
      else if (isDue || leader !== failed) waitUntil(turn, leader, group, failure)
    }
    // In the order of the plan, so that children that are due together are probed in it.
    for (const { child, until } of parkings) {
      if (until !== undefined && child.state === 'parked') setTimer(turn, child, Math.max(0, until - turn.now))
    }
    if (first !== undefined) afterwards.restart(turn, first[0], first[1].ids)
  },
}

/** Parks a child for its strategy. Its timer is set later. */
function parkFor(turn: Turn, { child, until }: Parking, failure: FailureInfo): void {
  const { troubled } = child
  child.state = 'parked'
  child.isHeld = false
  troubled.parkedFor = 'strategy'
  troubled.until = until
  emit(turn, { type: 'child.parked', ...about(turn, child), failure, cause: 'strategy', because: child.cause })
}

/** Makes a child, and the children that are started with it, wait until the group is due. */
function waitUntil(turn: Turn, child: Child, { ids, at }: Group, failure: FailureInfo): void {
  const delay = Math.max(0, at - turn.now)
  const { troubled } = child
  child.state = delay > 0 ? 'backing_off' : 'restarting'
  child.isHeld = false
  troubled.until = at
  troubled.group = ids.length > 1 ? ids : undefined
  setTimer(turn, child, delay)
  if (delay === 0) return
  const attempt = troubled.memory?.last.attempts ?? 0
  emit(turn, { type: 'child.backoff', ...about(turn, child), delay, attempt, failure, because: child.cause })
}
