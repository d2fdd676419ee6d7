// Notices failures that a test does not look at: a child that fails and is restarted, is parked, or never becomes
// ready. The test fails at its end, whatever its body has checked.
import type { AnyActorRef } from 'xstate'
import { isOver } from '../actor/exit.ts'
import { hasStarted, logicOf, parentOf, stopHard, watchSystem } from '../actor/xstate.ts'
import { isSupervisor } from '../base/brand.ts'
import { messageOf } from '../base/errors.ts'
import type { SupervisorEvent } from '../spec/events.ts'
import { isInjected, knownFaultsOf } from './faults.ts'
import { actorAt, descendantsOf, pathOf, rootOf, snapshotOf, type Supervised } from './tree.ts'

/** `afterEach` of Jest, Vitest, Mocha, `node:test`, …: a test fails if what is registered throws or rejects. */
export type AfterEach = (end: () => void | Promise<void>) => unknown

/** What the check at the end of a test asks of one thing that is watched. */
export interface Watched {
  /** What is wrong although nothing has failed, as sentences: it was never started, for example. */
  readonly complaints: () => readonly string[]
  /** Ends it if it still runs. */
  readonly stop: () => unknown
}

/**
 * Failures of watched supervisors, and the check at the end of a test. A failure is wanted if {@link Faults} have made
 * it, or if a pattern was given for it.
 */
export class FailureWatch {
  readonly #watched: Watched[] = []
  readonly #failures: string[] = []
  readonly #expected: RegExp[] = []
  readonly #isWanted: (error: unknown) => boolean

  /** `isWanted`: asked of each failure that no fault of {@link Faults} has made. Default: none is wanted. */
  constructor(isWanted: (error: unknown) => boolean = () => false) {
    this.#isWanted = isWanted
  }

  /**
   * Watches a supervisor and everything below it, from before its start on. At the end of the test it must have been
   * started and ready, and nothing below it may have failed. Returns it.
   */
  watch<TSupervised extends Supervised>(supervised: TSupervised): TSupervised {
    this.add(
      new WatchedSupervisor(rootOf(supervised), (what, error) => {
        this.note(what, error)
      }),
    )
    return supervised
  }

  /** A failure whose text has a match is wanted, whether it comes before or after this. */
  expect(...failures: readonly RegExp[]): void {
    this.#expected.push(...failures)
  }

  /** Adds something of another kind. */
  add(watched: Watched): void {
    this.#watched.push(watched)
  }

  /** Adds a failure: what has failed, and with which error. */
  note(what: string, error: unknown): void {
    if (!isInjected(error) && !this.#isWanted(error)) this.#failures.push(`${what}: ${messageOf(error)}`)
  }

  /** The failures so far that are not wanted, each as `app/db: refused`. */
  get unexpected(): readonly string[] {
    return this.#failures.filter((failure) => !this.#expected.some((pattern) => pattern.test(failure)))
  }

  /**
   * Stops what still runs, and throws an error that names everything that was not wanted. The watch is as new
   * afterwards.
   */
  async end(): Promise<void> {
    const wrong = await this.close()
    if (wrong.length > 0) throw endError(wrong)
  }

  /** As {@link end}, but returns what is wrong. */
  async close(): Promise<readonly string[]> {
    const watched = this.#watched.splice(0)
    // Before anything is stopped, and failures before complaints that may follow from them.
    const complaints = this.#failures.length > 0 ? [] : watched.flatMap((each) => each.complaints())
    const faults: string[] = []
    for (const each of watched) {
      try {
        await each.stop()
      } catch (error) {
        faults.push(messageOf(error))
      }
    }
    const { unexpected } = this
    this.#failures.length = this.#expected.length = 0
    return [...unexpected, ...complaints, ...faults]
  }
}

/** The error of a test that has not looked at what went wrong. */
export function endError(wrong: readonly string[]): Error {
  const list = wrong.map((each) => `\n  - ${each}`).join('')
  return new Error(`the test did not expect this:${list}\nCorrect the cause, or say expect(/…/) with a pattern for it.`)
}

/**
 * A watch for all tests of a file, which is checked at the end of each test.
 *
 * ```ts
 * const failures = watchFailures(afterEach)
 *
 * test('the app starts', async () => {
 *   const app = failures.watch(createSupervisor(options))
 *   await app.start()
 * })
 * ```
 */
export function watchFailures(afterEach: AfterEach): FailureWatch {
  const watch = new FailureWatch()
  afterEach(() => watch.end())
  return watch
}

class WatchedSupervisor implements Watched {
  readonly #root: AnyActorRef
  readonly #note: (what: string, error: unknown) => void
  readonly #known = new Set<string>()
  readonly #errors = new Set<unknown>()
  #wasReady = false

  constructor(root: AnyActorRef, note: (what: string, error: unknown) => void) {
    this.#root = root
    this.#note = note
    this.#hear(root)
    for (const { path } of descendantsOf(root)) {
      const ref = actorAt(root, path)
      if (ref !== undefined) this.#hear(ref)
    }
    watchSystem(root.system, {
      started: (ref) => {
        if (pathOf(ref, root) !== undefined && ref !== root) this.#hear(ref)
      },
      ended: () => undefined,
    })
    const look = (): void => {
      this.#wasReady ||= snapshotOf(root).phase === 'running'
    }
    look()
    root.subscribe({ next: look, error: look, complete: look })
  }

  complaints(): readonly string[] {
    const { id } = this.#root
    if (!hasStarted(this.#root)) return [`${id} was never started`]
    const unmet = knownFaultsOf(this.#root)?.unmet ?? []
    const faults = unmet.map((path) => `no actor has had the fault for ${path}`)
    return this.#wasReady || this.#errors.size > 0 ? faults : [`${id} never became ready`, ...faults]
  }

  /** Hard: an orderly stop may wait for a clock that stands still. */
  stop(): void {
    if (hasStarted(this.#root) && !isOver(this.#root) && parentOf(this.#root) === undefined) stopHard(this.#root)
  }

  #hear(ref: AnyActorRef): void {
    if (!isSupervisor(logicOf(ref))) return
    ref.on('*', (event: SupervisorEvent) => {
      this.#heard(ref, event)
    })
  }

  #heard(supervisor: AnyActorRef, event: SupervisorEvent): void {
    if (event.type === 'child.exit') {
      if (event.reason.type === 'error') this.#failed(supervisor, event, event.reason.error)
    } else if (event.type === 'child.backoff' || event.type === 'child.parked') {
      this.#failed(supervisor, event, event.failure.error)
    } else if (event.type === 'supervisor.exit' && supervisor === this.#root) {
      const { reason } = event
      const error = reason.type === 'error' ? reason.error : reason.type === 'shutdown' ? reason.detail : undefined
      if (error instanceof Error && !this.#errors.has(error.cause)) this.#failed(supervisor, undefined, error)
    }
  }

  /** One failure is told by several events. */
  #failed(
    supervisor: AnyActorRef,
    child: { readonly id: string; readonly incarnation: number } | undefined,
    error: unknown,
  ): void {
    const path = [this.#root.id, pathOf(supervisor, this.#root), child?.id].filter(Boolean).join('/')
    const key = `${supervisor.sessionId} ${child?.incarnation ?? ''} ${child?.id ?? ''}`
    if (this.#known.has(key)) return
    this.#known.add(key)
    this.#errors.add(error)
    this.#note(path, error)
  }
}
