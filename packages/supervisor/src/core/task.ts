import { start, stop } from './lifecycle.ts'
import type { Death } from './event.ts'
import type { Child } from './state.ts'
import type { Turn } from './turn.ts'

/** What a task is for: what is to be done when it is over, with what it was given to remember. */
export interface Purpose<TMemo = undefined> {
  /**
   * Whether all `stops` are asked to end before one is waited for; otherwise each is down before the next is asked
   * (G01, G03).
   */
  readonly isParallel?: boolean
  /**
   * Whether somebody waits for the actor of a child that need not become ready, while its logic is still being made.
   */
  readonly needsActor?: boolean
  done?(turn: Turn, memo: TMemo): void
  /** A child that had to become ready has died instead; `remaining` were to be started after it. */
  failed?(turn: Turn, child: Child, death: Death, remaining: readonly string[], memo: TMemo): void
  /** The supervisor ends before the task has. */
  aborted?(turn: Turn, memo: TMemo): void
}

/**
 * Something that takes time: children to stop, and then children to start, one after the other. All else waits for it.
 * There are purposes instead of subclasses for the sake of V8: with the last object of a class it forgets, at the next
 * full garbage collection, the code that it has optimised for it. Of this one there is always {@link IDLE}.
 */
export class Task {
  readonly purpose: Purpose<unknown>
  readonly memo: unknown
  /** The next one is the last of the array. */
  readonly stops: Child[]
  /** The ids; the next one is the last of the array. Some may be forgotten once they are down. */
  readonly starts: string[]
  /** How many children have been asked to end and have not yet. */
  stopping = 0
  /** The child whose start is waited for. */
  starting: Child | undefined

  constructor(purpose: Purpose<unknown>, memo: unknown, stops: Child[], starts: string[]) {
    this.purpose = purpose
    this.memo = memo
    this.stops = stops
    this.starts = starts
  }
}

/** Nothing to do. */
export const IDLE = new Task({}, undefined, [], [])

export function run<TMemo>(turn: Turn, purpose: Purpose<TMemo>, memo: TMemo, stops: Child[], starts: string[]): void {
  const task = new Task(purpose, memo, stops, starts)
  turn.state.task = task
  proceed(turn, task)
}

/** The task at hand, if it waits for this child's start. */
export function taskStarting({ state: { task } }: Turn, child: Child): Task | undefined {
  return task.starting === child ? task : undefined
}

/** The child whose start the task waits for has died instead. */
export function fail(turn: Turn, { purpose, starts, memo }: Task, child: Child, death: Death): void {
  turn.state.task = IDLE
  purpose.failed?.(turn, child, death, starts.reverse(), memo)
}

/** Gives up the task at hand. */
export function abort(turn: Turn): void {
  const { purpose, memo } = turn.state.task
  turn.state.task = IDLE
  purpose.aborted?.(turn, memo)
}

/** A child has been asked to end: if nobody waits for its end, the next one is asked. */
export function oneIsAsked(turn: Turn, child: Child): void {
  const { task } = turn.state
  if (child.stopper === task) proceed(turn, task)
}

/** A child that was asked to end is down. Perhaps it was asked by a task that has been given up since. */
export function oneIsDown(turn: Turn, child: Child): void {
  const { task } = turn.state
  if (child.stopper !== task) return
  child.stopper = undefined
  task.stopping -= 1
  proceed(turn, task)
}

export function proceed(turn: Turn, task: Task): void {
  const { purpose, stops, starts, memo } = task
  task.starting = undefined
  while (task.stopping === 0 || purpose.isParallel === true) {
    const child = stops.pop()
    if (child === undefined) break
    const isAsked = child.state === 'stopping'
    if (!isAsked && !stop(turn, child)) continue
    child.stopper = task
    task.stopping += 1
    if (!isAsked) return
  }
  if (task.stopping > 0) return
  for (let id = starts.pop(); id !== undefined; id = starts.pop()) {
    const child = turn.state.children.get(id)
    if (child === undefined || child.isAlive || child.state === 'parked') continue
    start(turn, child)
    task.starting = child
    return
  }
  turn.state.task = IDLE
  purpose.done?.(turn, memo)
}
