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

/** While starts wait for their turn, those that have begun are looked at so often, in ms. */
const LOOK_EVERY = 50
/** So long a start weighs whatever it does, in ms: its process has to be made first. */
const SETTLING = 100
/** A start that was on a processor for less than this share of the time between two looks weighs nothing. */
const LEAST_SHARE = 0.1
/** A start that takes longer weighs nothing any more, in ms: no start holds others up for longer. */
const LONGEST_START = 30_000
/** The same where the system does not tell what a process does. */
const LONGEST_UNKNOWN_START = 5_000

/**
 * A start that needs this much time on a processor, in ms, weighs as much as a processor carries. Less weighs in
 * proportion.
 */
const FULL_WEIGHT = 2_000
/** What a start is taken to need before the owner's first one is over, in ms. */
const UNKNOWN_NEED = 500
/** The least that a start is taken to need, in ms. */
const LEAST_NEED = 125

/** A start whose turn has come. */
export interface Turn {
  /** Its process is there. */
  readonly started: (pid: number) => void
  /** It is ready, or has ended. Idempotent. */
  readonly finished: () => void
}

export interface StartBudgetOptions {
  /** How many processors there are. */
  readonly processors: number
  readonly clock: SupervisorClock
  /** What a process does; undefined where the system does not tell. */
  readonly activity: (pid: number) => Activity | undefined
}

/** A start that has begun and is not over. */
interface Start {
  readonly owner: object
  readonly at: number
  pid: number | undefined
  /** Time on a processor, in ms, when it was looked at last. */
  seen: { readonly cpu: number; readonly at: number }
  /** Whether it takes a processor from others. */
  isBusy: boolean
}

interface Waiting {
  readonly go: () => void
  readonly giveUp: () => void
}

/**
 * Paces the starts of a host process: as many at a time as its processors carry, since all of them in one go would all
 * be late. What a start weighs is what it does: one that sleeps, downloads, or waits for a disk takes nothing from the
 * others, and many that need little may begin at once. Owners (runtimes) take turns.
 */
export class StartBudget {
  readonly #options: StartBudgetOptions
  readonly #starts = new Set<Start>()
  /** How long the owner's last start was on a processor, in ms. */
  readonly #needs = new WeakMap<object, number>()
  /** What waits, by owner, in the order in which the owners have their turns. */
  readonly #waiting = new Map<object, Set<Waiting>>()
  #timer: unknown

  constructor(options: StartBudgetOptions) {
    this.#options = options
  }

  /** Resolves when a start may begin. Errors: STOPPED, when `signal` is aborted, or the owner dismissed, before. */
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

  /** Gives up whatever waits for this owner. */
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
    const at = this.#options.clock.now()
    const start: Start = { owner, at, pid: undefined, seen: { cpu: 0, at }, isBusy: true }
    this.#starts.add(start)
    return {
      started: (pid) => {
        start.pid = pid
      },
      finished: () => {
        if (!this.#starts.delete(start)) return
        const done = start.pid === undefined ? undefined : this.#options.activity(start.pid)
        if (done !== undefined) this.#needs.set(owner, done.cpu)
        this.#admit()
      },
    }
  }

  /** In processors. */
  get #weight(): number {
    let weight = 0
    for (const { owner, seen, isBusy } of this.#starts) {
      const need = Math.max(seen.cpu, this.#needs.get(owner) ?? UNKNOWN_NEED, LEAST_NEED)
      if (isBusy) weight += Math.min(need / FULL_WEIGHT, 1)
    }
    return weight
  }

  #admit(): void {
    while (this.#waiting.size > 0 && this.#weight < this.#options.processors) {
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

  #lookLater(): void {
    const { clock } = this.#options
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

  #look(start: Start): void {
    const now = this.#options.clock.now()
    const age = now - start.at
    const doing = start.pid === undefined ? undefined : this.#options.activity(start.pid)
    if (doing === undefined) {
      start.isBusy = age < (start.pid === undefined ? LONGEST_START : LONGEST_UNKNOWN_START)
      return
    }
    const share = (doing.cpu - start.seen.cpu) / (now - start.seen.at)
    start.isBusy = age < LONGEST_START && (age < SETTLING || doing.isRunning || share >= LEAST_SHARE)
    start.seen = { cpu: doing.cpu, at: now }
  }
}

/** Ends with the version of what {@link StartBudget} offers. */
const KEY = Symbol.for('terrarium.startBudget.2')

/** Of this process: of all its runtimes, also where a copy of this package has opened them. */
export function startBudget(): StartBudget {
  const shared = globalThis as Partial<Record<symbol, StartBudget>>
  return (shared[KEY] ??= new StartBudget({
    processors: processors(),
    clock: systemClock,
    activity: (pid) => processTable().activity(pid),
  }))
}
