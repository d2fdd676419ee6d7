import type { Child, Death } from './state.ts'
import { start, stop } from './lifecycle.ts'
import type { Turn } from './turn.ts'

/** Something that takes time: children to stop, one after the other, and then children to start. All else waits for it. */
export interface Task {
  /** The next one is the last of the array. */
  readonly stops: string[]
  /** The next one is the last of the array. */
  readonly starts: string[]
  waiting?: { readonly id: string; readonly until: 'stopped' | 'spawned' | 'ready' } | undefined
  readonly done: (turn: Turn) => void
  /** A child that had to become ready has died instead. The task is over, `starts` is what is left of it. */
  readonly failed: (turn: Turn, child: Child, death: Death) => void
  /** The supervisor ends before the task has. */
  readonly aborted?: (turn: Turn) => void
}

export function run(turn: Turn, task: Task): void {
  turn.state.task = task
  proceed(turn, task)
}

/** The child's news, if the task at hand is waiting for it. */
export function waitsFor(
  { state }: Turn,
  child: Child,
  ...until: NonNullable<Task['waiting']>['until'][]
): Task | undefined {
  const waiting = state.task?.waiting
  return waiting !== undefined && waiting.id === child.id && until.includes(waiting.until) ? state.task : undefined
}

export function proceed(turn: Turn, task: Task): void {
  const { children } = turn.state
  task.waiting = undefined
  for (let id = task.stops.pop(); id !== undefined; id = task.stops.pop()) {
    const child = children.get(id)
    if (child !== undefined && stop(turn, child)) {
      task.waiting = { id, until: 'stopped' }
      return
    }
  }
  for (let id = task.starts.pop(); id !== undefined; id = task.starts.pop()) {
    const child = children.get(id)
    if (child === undefined || child.isAlive || child.state === 'parked') continue
    start(turn, child)
    task.waiting = { id, until: child.spec.awaitReady ? 'ready' : 'spawned' }
    return
  }
  turn.state.task = undefined
  task.done(turn)
}
