// Core tasks: children to stop, then children to start, one after the other. Everything else waits until the task is
// done.
import { start, stop } from './lifecycle.ts'
import type { Ended } from './event.ts'
import type { Child } from './state.ts'
import type { Turn } from './turn.ts'

/** Callbacks of a core task. `memo` is passed back to each. */
export interface Purpose<TMemo = undefined> {
  /** True: all `stops` are asked to end at once. False (default): each is down before the next is asked (G01, G03). */
  readonly isParallel?: boolean
  /**
   * True if the actor itself is wanted: the task then waits for a start function's promise even if the child need not
   * become ready.
   */
  readonly needsActor?: boolean
  done?(turn: Turn, memo: TMemo): void
  /** A child that had to become ready has exited instead. `remaining`: the ids that were to be started after it. */
  failed?(turn: Turn, child: Child, death: Ended, remaining: readonly string[], memo: TMemo): void
  /** The supervisor ends before the task has. */
  aborted?(turn: Turn, memo: TMemo): void
}

/**
 * Children to stop, and then children to start, one after the other. All else waits for it.
 *
 * Purposes are objects instead of subclasses because V8 drops the code that it has optimised for a class with the last
 * object of that class. Of this class there is always {@link IDLE}; see the rows "stop … children" of the supervisor
 * benchmark.
 */
export class Task {
  readonly purpose: Purpose<unknown>
  readonly memo: unknown
  /** The children to stop. The next one is the last of the array. */
  readonly stops: Child[]
  /**
   * The ids of the children to start. The next one is the last of the array. A child may be deleted before its turn.
   */
  readonly starts: string[]
  /** How many children have been asked to end and have not ended yet. */
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

/** The core task while there is nothing to do. Also a V8 keeper, see {@link Task}. */
export const IDLE = new Task({}, undefined, [], [])

export function run<TMemo>(turn: Turn, purpose: Purpose<TMemo>, memo: TMemo, stops: Child[], starts: string[]): void {
  const task = new Task(purpose, memo, stops, starts)
  turn.state.task = task
  proceed(turn, task)
}

/** The current task, if it waits for this child's start. */
export function taskStarting({ state: { task } }: Turn, child: Child): Task | undefined {
  return task.starting === child ? task : undefined
}

/** Ends the task: the child whose start it waits for has exited instead. */
export function fail(turn: Turn, { purpose, starts, memo }: Task, child: Child, death: Ended): void {
  turn.state.task = IDLE
  purpose.failed?.(turn, child, death, starts.reverse(), memo)
}

/** Aborts the current task. */
export function abort(turn: Turn): void {
  const { purpose, memo } = turn.state.task
  turn.state.task = IDLE
  purpose.aborted?.(turn, memo)
}

/** Continues the task after a child was asked to end, if the task does not wait for that end. */
export function oneIsAsked(turn: Turn, child: Child): void {
  const { task } = turn.state
  if (child.stopper === task) proceed(turn, task)
}

/**
 * Continues the task after a child that was asked to end is down. An aborted task may have asked the child; then
 * nothing happens.
 */
export function oneIsDown(turn: Turn, child: Child): void {
  const { task } = turn.state
  if (child.stopper !== task) return
  child.stopper = undefined
  task.stopping -= 1
  proceed(turn, task)
}

/** Takes the next steps of a task, until it has to wait or is done. */
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
