import { start, stop } from './lifecycle.ts'
import type { Death } from './event.ts'
import type { Child } from './state.ts'
import type { Turn } from './turn.ts'

/** Something that takes time: children to stop, and then children to start, one after the other. All else waits for it. */
export class Task {
  /** The next one is the last of the array. */
  readonly stops: string[]
  /** The next one is the last of the array. */
  readonly starts: string[]
  /** How many children have been asked to end and have not yet. */
  stopping = 0
  /** The child whose start is waited for. */
  starting: Child | undefined

  constructor(stops: string[], starts: string[]) {
    this.stops = stops
    this.starts = starts
  }

  /** Whether all `stops` are asked to end at once; otherwise each is down before the next one is asked (G01, G03). */
  get isParallel(): boolean {
    return false
  }

  done(_turn: Turn): void {
    // most tasks are done then
  }

  /** A child that had to become ready has died instead. The task is over, `starts` is what is left of it. */
  failed(_turn: Turn, _child: Child, _death: Death): void {
    // for tasks that start children
  }

  /** The supervisor ends before the task has. */
  aborted(_turn: Turn): void {
    // for tasks that somebody waits for
  }
}

export function run(turn: Turn, task: Task): void {
  turn.state.task = task
  proceed(turn, task)
}

/** The task at hand, if it waits for this child's start. */
export function taskStarting({ state: { task } }: Turn, child: Child): Task | undefined {
  return task?.starting === child ? task : undefined
}

/** A child that was asked to end is down. Perhaps it was asked by a task that has been given up since. */
export function oneIsDown(turn: Turn, child: Child): void {
  const { task } = turn.state
  if (task === undefined || child.stopper !== task) return
  child.stopper = undefined
  task.stopping -= 1
  if (task.stopping === 0) proceed(turn, task)
}

export function proceed(turn: Turn, task: Task): void {
  const { children } = turn.state
  task.starting = undefined
  task.stopping = 0
  for (let id = task.stops.pop(); id !== undefined; id = task.stops.pop()) {
    const child = children.get(id)
    if (child === undefined || !stop(turn, child)) continue
    child.stopper = task
    task.stopping += 1
    if (!task.isParallel) return
  }
  if (task.stopping > 0) return
  for (let id = task.starts.pop(); id !== undefined; id = task.starts.pop()) {
    const child = children.get(id)
    if (child === undefined || child.isAlive || child.state === 'parked') continue
    start(turn, child)
    task.starting = child
    return
  }
  turn.state.task = undefined
  task.done(turn)
}
