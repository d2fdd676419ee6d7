// Paces the starts of a host, so that a burst of them does not make every one of them too slow.
import {
  isAborted,
  onAbort,
  systemClock,
  TerrariumError,
  type AbortWait,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import type { Activity } from '../table/process-table.ts'
import { processTable } from '../table/table.ts'
import { processors } from './processors.ts'

/** While starts wait for their turn, the activity of started processes is read this often, in ms. */
const LOOK_EVERY = 50
/** For this long a start counts as busy whatever its process does, in ms: the process has to be made first. */
const SETTLING = 100
/** A start that was on a processor for less than this share of the time between two readings is not busy. */
const LEAST_SHARE = 0.1
/** A start that takes longer than this, in ms, is not busy: no start keeps others waiting for longer. */
const LONGEST_START = 30_000
/** The same where the system does not show the activity of a process, in ms. */
const LONGEST_UNKNOWN_START = 5_000

/**
 * A start that needs this much time on a processor, in ms, has the weight 1: a whole processor. A start that needs less
 * has a weight in proportion.
 */
const FULL_WEIGHT = 2_000
/** What a start is expected to need before the owner's first start has finished, in ms. */
const UNKNOWN_NEED = 500
/** The least that a start is expected to need, in ms. */
const LEAST_NEED = 125

/** A start that may begin. */
export interface Turn {
  /** Call it when the process exists. */
  readonly started: (pid: number) => void
  /** Call it when the process is ready or has exited. A second call changes nothing. */
  readonly finished: () => void
}

/** What a start budget is given. */
export interface StartBudgetDependencies {
  /** How many processors the host may use. */
  readonly processors: number
  readonly clock: SupervisorClock
  /** The activity of a process; undefined where the system does not show it. */
  readonly activity: (pid: number) => Activity | undefined
}

/** A start that has begun and has not finished. */
interface Start {
  readonly owner: object
  readonly at: number
  pid: number | undefined
  /** Time on a processor, in ms, at the last reading, and when that was. */
  seen: { readonly cpu: number; readonly at: number }
  /** Whether it takes time on a processor from other starts. */
  isBusy: boolean
}

/** A start that waits for its turn. */
interface Waiting {
  readonly go: () => void
  readonly giveUp: () => void
}

/**
 * Limits how many starts of a host run at a time, by the number of processors: if all started at once, all would be
 * late. The weight of a start is what it needs of a processor. A start that sleeps, downloads or waits for a disk has
 * no weight, and many light starts may run at once. Owners (runtimes) take turns.
 */
export class StartBudget {
  readonly #dependencies: StartBudgetDependencies
  readonly #starts = new Set<Start>()
  /** How long the last start of each owner was on a processor, in ms. */
  readonly #needs = new WeakMap<object, number>()
  /** The starts that wait, by owner. The first owner has the next turn. */
  readonly #waiting = new Map<object, Set<Waiting>>()
  #timer: unknown

  constructor(dependencies: StartBudgetDependencies) {
    this.#dependencies = dependencies
  }

  /** Resolves when a start may begin. Errors: STOPPED when `signal` is aborted or the owner is dismissed before. */
  turn(owner: object, signal?: AbortSignal): Promise<Turn> {
    return new Promise((resolve, reject) => {
      let abort: AbortWait | undefined
      const waiting: Waiting = {
        go: () => {
          abort?.release()
          resolve(this.#begin(owner))
        },
        giveUp: () => {
          abort?.release()
          this.#leave(owner, waiting)
          reject(new TerrariumError('STOPPED', 'the start was given up while it waited for its turn'))
        },
      }
      if (signal !== undefined && isAborted(signal)) {
        waiting.giveUp()
        return
      }
      if (signal !== undefined) abort = onAbort(signal, waiting.giveUp)
      this.#waiting.set(owner, (this.#waiting.get(owner) ?? new Set()).add(waiting))
      this.#admit()
    })
  }

  /** Rejects all waiting starts of this owner. */
  dismiss(owner: object): void {
    for (const waiting of this.#waiting.get(owner) ?? []) waiting.giveUp()
  }

  #leave(owner: object, waiting: Waiting): void {
    const queue = this.#waiting.get(owner)
    queue?.delete(waiting)
    if (queue?.size === 0) this.#waiting.delete(owner)
    this.#lookLater()
  }

  #begin(owner: object): Turn {
    const at = this.#dependencies.clock.now()
    const start: Start = { owner, at, pid: undefined, seen: { cpu: 0, at }, isBusy: true }
    this.#starts.add(start)
    return {
      started: (pid) => {
        start.pid = pid
      },
      finished: () => {
        if (!this.#starts.delete(start)) return
        const done = start.pid === undefined ? undefined : this.#dependencies.activity(start.pid)
        if (done !== undefined) this.#needs.set(owner, done.cpu)
        this.#admit()
      },
    }
  }

  /** The weight of all busy starts, in processors. */
  get #weight(): number {
    let weight = 0
    for (const { owner, seen, isBusy } of this.#starts) {
      const need = Math.max(seen.cpu, this.#needs.get(owner) ?? UNKNOWN_NEED, LEAST_NEED)
      if (isBusy) weight += Math.min(need / FULL_WEIGHT, 1)
    }
    return weight
  }

  /** Lets starts begin while there are free processors. */
  #admit(): void {
    while (this.#waiting.size > 0 && this.#weight < this.#dependencies.processors) {
      const [next] = this.#waiting
      const [owner, queue] = next ?? []
      const [waiting] = queue ?? []
      if (owner === undefined || queue === undefined || waiting === undefined) return
      queue.delete(waiting)
      this.#waiting.delete(owner)
      if (queue.size > 0) this.#waiting.set(owner, queue) // behind the other owners
      waiting.go()
    }
    this.#lookLater()
  }

  /** Reads activities again later, as long as a start waits. */
  #lookLater(): void {
    const { clock } = this.#dependencies
    if (this.#waiting.size === 0) {
      clock.clearTimeout(this.#timer)
      this.#timer = undefined
    } else {
      this.#timer ??= clock.setTimeout(() => {
        this.#timer = undefined
        for (const start of this.#starts) this.#look(start)
        this.#admit()
      }, LOOK_EVERY)
    }
  }

  /** Reads the activity of a start, and finds out whether the start is busy. */
  #look(start: Start): void {
    const now = this.#dependencies.clock.now()
    const age = now - start.at
    const doing = start.pid === undefined ? undefined : this.#dependencies.activity(start.pid)
    if (doing === undefined) {
      start.isBusy = age < (start.pid === undefined ? LONGEST_START : LONGEST_UNKNOWN_START)
      return
    }
    const share = (doing.cpu - start.seen.cpu) / (now - start.seen.at)
    start.isBusy = age < LONGEST_START && (age < SETTLING || doing.isRunning || share >= LEAST_SHARE)
    start.seen = { cpu: doing.cpu, at: now }
  }
}

/** The key of the shared budget. Its number is the version of {@link StartBudget}'s public methods. */
const KEY = Symbol.for('terrarium.startBudget.2')

/** The start budget of this host. All its runtimes share it, also the runtimes of another copy of this package. */
export function startBudget(): StartBudget {
  const shared = globalThis as Partial<Record<symbol, StartBudget>>
  return (shared[KEY] ??= new StartBudget({
    processors: processors(),
    clock: systemClock,
    activity: (pid) => processTable().activity(pid),
  }))
}
