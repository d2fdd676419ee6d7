// What the tests of threads share: a supervisor with a record of its events, waiting for them, and a count of the
// threads of this process.
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterEach, beforeAll, expect } from '@jest/globals'
import {
  createSupervisor,
  type AnyAdministration,
  type ChildSpec,
  type ExitReason,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { fromWorkerThread, type WorkerThreadOptions } from '@terrarium/threads'
import type { AnyActorRef } from 'xstate'

export const fixture = (name: string): URL => new URL(`fixtures/${name}.mjs`, import.meta.url)

export const machine = (options?: WorkerThreadOptions) => fromWorkerThread(fixture('machine'), options)

type Of<TType extends SupervisorEvent['type']> = Extract<SupervisorEvent, { readonly type: TType }>

export interface Bench {
  readonly app: Supervisor & AnyAdministration
  readonly ref: (id: string) => AnyActorRef
  /** The next event of this type about this child, behind the event that was waited for last. */
  readonly next: <TType extends SupervisorEvent['type']>(type: TType, id?: string) => Promise<Of<TType>>
  /** The reason of the child's next exit. */
  readonly exit: (id: string) => Promise<ExitReason>
}

const open = new Set<Supervisor>()

/** Makes the threads of libuv, which are otherwise made on first use. */
beforeAll(async () => {
  await Promise.all(Array.from({ length: 8 }, () => readFile('/proc/self/stat')))
})

afterEach(async () => {
  await Promise.all([...open].map((app) => app.stop()))
  open.clear()
})

const EVENTS = ['child.start', 'child.ready', 'child.exit', 'child.restart', 'child.parked', 'supervisor.exit'] as const

/** A supervisor that is not started. It is stopped when the test is over. */
export function bench(children: readonly ChildSpec[], options: Partial<SupervisorOptions> = {}): Bench {
  const app = createSupervisor({ id: 'app', ...options, children })
  open.add(app)
  const unread: SupervisorEvent[] = []
  let wake = (): void => undefined
  for (const type of EVENTS)
    app.on(type, (event: SupervisorEvent) => {
      unread.push(event)
      wake()
    })
  const next: Bench['next'] = async (type, id) => {
    for (;;) {
      const index = unread.findIndex((event) => event.type === type && (id === undefined || about(event) === id))
      if (index >= 0) return unread.splice(0, index + 1).at(-1) as never
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return {
    app,
    next,
    ref: (id) => {
      const { ref } = app.children.find((each) => each.id === id) ?? {}
      if (ref === undefined) throw new Error(`${id} is not running`)
      return ref
    },
    exit: async (id) => (await next('child.exit', id)).reason,
  }
}

const about = (event: SupervisorEvent): string | undefined => ('id' in event ? event.id : undefined)

export async function started(children: readonly ChildSpec[], options?: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench(children, options)
  await it.app.start()
  return it
}

/** Resolves with the first snapshot of an actor that passes the test. */
export function snapshotOf<T>(ref: AnyActorRef, fits: (snapshot: T) => boolean): Promise<T> {
  const shown = ref.getSnapshot() as T
  if (fits(shown)) return Promise.resolve(shown)
  return new Promise((resolve, reject) => {
    const subscription = ref.subscribe({
      next: (snapshot: unknown) => {
        if (!fits(snapshot as T)) return
        subscription.unsubscribe()
        resolve(snapshot as T)
      },
      error: reject,
    })
  })
}

/** How many threads this process has, as the system counts them. */
export const threads = (): number => readdirSync('/proc/self/task').length

/** Waits until this process has no more threads than before. Fails after a limit. */
export async function expectThreads(before: number): Promise<void> {
  for (let turn = 0; turn < 2_000 && threads() > before; turn += 1)
    await new Promise<void>((resolve) => setTimeout(resolve, 1))
  expect(threads()).toBeLessThanOrEqual(before)
}

/** The error of an exit. */
export function errorOf(reason: ExitReason): Error & { readonly code?: unknown; readonly hint?: unknown } {
  if (reason.type !== 'error') throw new Error(`the exit was ${reason.type}`)
  return reason.error as Error
}
