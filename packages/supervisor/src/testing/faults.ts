// Faults for tests: any actor below a supervisor crashes, hangs, is slow or does not start, by its path of ids and
// without a change of its logic. The gate is before the mailbox of the actor, so every kind of logic can have a fault.
import type { AnyActorRef } from 'xstate'
import { exit, isOver } from '../actor/exit.ts'
import { clockOf, freeName, gateMailbox, watchSystem } from '../actor/xstate.ts'
import { Checker, isCountOrMore, isDuration } from '../base/checker.ts'
import { messageOf, TerrariumError } from '../base/errors.ts'
import { actorAt, descendantsOf, isRef, pathOf, rootOf, type Supervised } from './tree.ts'

/** A child: its id, or for a child of a nested supervisor the ids from the root down, `jobs/mailer`; or its actor. */
export type FaultAddress = string | AnyActorRef

export interface FaultOptions {
  /**
   * How many incarnations have the fault: the present one, or the next one if there is none now, and the ones after it.
   * `Infinity`: all until {@link Faults.heal}. Default 1.
   */
  readonly incarnations?: number
}

export interface FailStartsOptions {
  /** How many starts fail. `Infinity`: all until {@link Faults.heal}. Default 1. */
  readonly times?: number
  /** What they fail with. Default: an error that says so. */
  readonly error?: unknown
}

/** How the events of an actor are kept from it: for ever, or for so many ms. */
type Delay = { readonly type: 'hang' } | { readonly type: 'slow'; readonly ms: number }

/** What is wrong with the actors of one path. */
interface Plan {
  delay?: { readonly how: Delay; left: number }
  starts?: { readonly error: unknown; left: number }
  /** Whether an actor has had the fault yet. */
  isMet: boolean
}

/** Errors that faults have made, so that a watch of failures knows them as wanted. */
const injected = new WeakSet()

/** Whether a fault was the reason of the failure. */
export function isInjected(error: unknown): boolean {
  let each = error
  for (let depth = 0; depth < MOST_CAUSES && typeof each === 'object' && each !== null; depth += 1) {
    if (injected.has(each)) return true
    each = (each as { readonly cause?: unknown }).cause
  }
  return false
}

/** Causes may be circular. */
const MOST_CAUSES = 16

const known = new WeakMap<AnyActorRef, Faults>()

/** The faults of a root that has any. */
export const knownFaultsOf = (root: AnyActorRef): Faults | undefined => known.get(root)

/**
 * The faults of a supervisor and of everything below it: static, dynamic and nested children, and actors that machines
 * invoke. Made before or after the start, once for each supervisor.
 *
 * ```ts
 * const faults = faultsOf(app)
 * faults.crash('db')
 * faults.hang('jobs/mailer')
 * ```
 */
export function faultsOf(supervised: Supervised): Faults {
  const root = rootOf(supervised)
  const faults = known.get(root) ?? new Faults(root)
  known.set(root, faults)
  return faults
}

/** See {@link faultsOf}. Each method throws INVALID_ARGUMENT for arguments that are wrong. */
export class Faults {
  readonly #root: AnyActorRef
  readonly #plans = new Map<string, Plan>()
  /** What makes the actors deliver again what was kept from them, by path. */
  readonly #releases = new Map<string, Set<() => void>>()

  /** Use {@link faultsOf}. */
  constructor(root: AnyActorRef) {
    this.#root = root
    watchSystem(root.system, {
      started: (ref) => {
        this.#started(ref)
      },
      ended: () => undefined,
    })
  }

  /**
   * Ends the child now, as if its logic had failed with this error. Throws INVALID_ARGUMENT while the child has no
   * actor. Default: an error that says so.
   */
  crash(child: FaultAddress, error: unknown = new Error(`${this.#nameOf(child)} was told to crash`)): void {
    const ref = this.#actorOf(child)
    mark(error)
    exit(ref, { type: 'error', error })
  }

  /** The next starts of the child fail. */
  failStarts(child: FaultAddress, options: FailStartsOptions = {}): void {
    const path = this.#pathOf(child)
    const { times = 1, error = new Error(`${path} was told not to start`) } = options
    checkCount('times', times)
    mark(error)
    this.#planOf(path).starts = { error, left: times }
  }

  /**
   * The child no longer takes events. They are kept for it until {@link heal}; XState can stop it. What its logic does
   * by itself, as a timer of a callback, goes on, but promises and delayed transitions end in events.
   */
  hang(child: FaultAddress, options?: FaultOptions): void {
    this.#keep(child, { type: 'hang' }, options)
  }

  /** The child gets each event `ms` ms later, on the clock of its actor system. */
  slow(child: FaultAddress, ms: number, options?: FaultOptions): void {
    const check = new Checker()
    check.required({ ms }, 'ms', isDuration, 'ms, 0 or more')
    check.finish('fault')
    this.#keep(child, { type: 'slow', ms }, options)
  }

  /** Takes back the faults of a child, or all. What was kept from it is delivered now. */
  heal(child?: FaultAddress): void {
    const paths =
      child === undefined ? new Set([...this.#plans.keys(), ...this.#releases.keys()]) : [this.#pathOf(child)]
    for (const path of paths) {
      this.#plans.delete(path)
      for (const release of this.#releases.get(path) ?? []) release()
      this.#releases.delete(path)
    }
  }

  /** The paths whose fault no actor has had yet: a wrong id, or a start that did not come. */
  get unmet(): readonly string[] {
    return [...this.#plans].flatMap(([path, { isMet }]) => (isMet ? [] : [path]))
  }

  #keep(child: FaultAddress, how: Delay, { incarnations = 1 }: FaultOptions = {}): void {
    const path = this.#pathOf(child)
    checkCount('incarnations', incarnations)
    const plan = this.#planOf(path)
    plan.delay = { how, left: incarnations }
    const ref = isRef(child) ? child : actorAt(this.#root, path)
    if (ref !== undefined && !isOver(ref)) this.#gate(ref, path, plan)
  }

  #started(ref: AnyActorRef): void {
    const path = pathOf(ref, this.#root)
    const plan = path === undefined ? undefined : this.#plans.get(path)
    if (path === undefined || plan === undefined) return
    if (plan.starts !== undefined && plan.starts.left > 0) {
      plan.starts.left -= 1
      plan.isMet = true
      freeName(ref) // the next incarnation has it
      throw plan.starts.error // as if the start had thrown it
    }
    if (plan.delay !== undefined && plan.delay.left > 0) this.#gate(ref, path, plan)
  }

  #gate(ref: AnyActorRef, path: string, plan: Plan): void {
    const { delay } = plan
    if (delay === undefined) return
    delay.left -= 1
    plan.isMet = true
    const releases = this.#releases.get(path) ?? new Set()
    this.#releases.set(path, releases)
    for (const release of releases) release() // another fault of the same actor
    releases.clear()
    const { how } = delay
    /** What delivers each event that is kept, in order. */
    const kept = new Set<() => void>()
    const open = gateMailbox(ref, (event, deliver) => {
      const pass = (): void => {
        if (kept.delete(pass)) deliver(event)
      }
      kept.add(pass)
      if (how.type === 'slow') clockOf(ref).setTimeout(pass, how.ms)
    })
    releases.add(() => {
      open()
      for (const pass of kept) pass()
    })
  }

  #planOf(path: string): Plan {
    const plan = this.#plans.get(path) ?? { isMet: false }
    plan.isMet = false
    this.#plans.set(path, plan)
    return plan
  }

  #actorOf(child: FaultAddress): AnyActorRef {
    const ref = isRef(child) ? child : actorAt(this.#root, child)
    if (ref !== undefined && !isOver(ref)) return ref
    const name = this.#nameOf(child)
    const found = [...descendantsOf(this.#root)]
    const state = found.find(({ path }) => path === name)?.state.replace('_', ' ')
    const known = found.map(({ path }) => path)
    throw new TerrariumError('INVALID_ARGUMENT', `${name} has no actor now: ${state ?? 'it does not exist'}`, {
      hint:
        state === undefined
          ? `Name one of ${known.slice(0, 8).join(', ')}${known.length > 8 ? ', …' : ''}.`
          : 'Wait until it runs, or use failStarts() for its next starts.',
    })
  }

  #pathOf(child: FaultAddress): string {
    if (isRef(child)) {
      const path = pathOf(child, this.#root)
      if (path !== undefined) return path
    } else if (typeof child === 'string' && child !== '') return child
    throw new TerrariumError('INVALID_ARGUMENT', `there is no such child below ${this.#root.id}`, {
      hint: "Pass the id of a child, 'jobs/mailer' for a child of a nested supervisor, or the actor of a child.",
    })
  }

  #nameOf(child: FaultAddress): string {
    return isRef(child) ? (pathOf(child, this.#root) ?? child.id) : messageOf(child)
  }
}

function mark(error: unknown): void {
  if (typeof error === 'object' && error !== null) injected.add(error)
}

function checkCount(name: string, count: unknown): void {
  const check = new Checker()
  check.required({ [name]: count }, name, (value) => isCountOrMore(value, 1), 'a whole number from 1, or Infinity')
  check.finish('fault')
}
