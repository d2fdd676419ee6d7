// A copy of the core's state, on which `decide` can run without changing the original: for what-if, and for the
// checkpoints of the journal.
import { RestartWindow } from '../policy/intensity.ts'
import { StartRate } from '../policy/start-rate.ts'
import type { Settings } from '../spec/options.ts'
import { Fifo } from './fifo.ts'
import { Child, type CoreState } from './state.ts'
import { IDLE, Task } from './task.ts'

/** In levels: the memo of a task is no deeper. */
const DEEPEST = 4

/**
 * Copies the state. The copy shares actors, specifications and errors with the original, and nothing that `decide`
 * changes.
 */
export function cloneState(state: CoreState, settings: Settings = state.settings): CoreState {
  const copies = new Map<Child, Child>()
  const copyOf = (child: Child): Child => {
    const known = copies.get(child)
    if (known !== undefined) return known
    const copy = child.copy()
    copies.set(child, copy)
    return copy
  }
  const children = new Map<string, Child>()
  for (const [id, child] of state.children) children.set(id, copyOf(child))
  const task = copyTask(state.task, copyOf)
  for (const copy of copies.values()) if (copy.stopper === state.task) copy.stopper = task
  const queue: CoreState['queue'] = new Fifo()
  for (const pending of state.queue.items) queue.push(pending)
  return {
    ...state,
    settings,
    children,
    window: new RestartWindow(settings.intensity, settings.period, settings.windowClock, state.window.stamps),
    rate: new StartRate(settings.startRate, state.rate.granted),
    queue,
    task,
  }
}

function copyTask(task: Task, copyOf: (child: Child) => Child): Task {
  if (task === IDLE) return IDLE
  const { purpose, memo, stops, starts, stopping, starting } = task
  const copy = new Task(purpose, copyMemo(memo, copyOf), stops.map(copyOf), [...starts])
  copy.stopping = stopping
  copy.starting = starting === undefined ? undefined : copyOf(starting)
  return copy
}

/** The memo of a task may name children, in lists and in parts of its own. */
function copyMemo(memo: unknown, copyOf: (child: Child) => Child): unknown {
  if (!namesChildren(memo)) return memo
  if (memo instanceof Child) return copyOf(memo)
  if (Array.isArray(memo)) return memo.map((each) => copyMemo(each, copyOf))
  return Object.fromEntries(Object.entries(memo).map(([name, each]) => [name, copyMemo(each, copyOf)]))
}

/** True for a child, and for lists and plain objects that have children in them. */
function namesChildren(value: unknown, depth = 0): value is object {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return false
  if (value instanceof Child) return true
  try {
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return false
    return Object.values(value).some((each) => namesChildren(each, depth + 1))
  } catch {
    return false // a proxy or getter of the user's that throws
  }
}
