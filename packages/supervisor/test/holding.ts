// What tests of clean-ups share: logics that take something at their start and give it back when they are cleaned up.
import { afterEach, beforeEach, expect } from '@jest/globals'
import {
  createMachine,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  spawnChild,
  type ActorLogic,
  type AnyActorLogic,
  type AnyActorRef,
  type Snapshot,
} from 'xstate'
import type { ChildSpec, SupervisorOptions } from '@terrarium/supervisor'
import { bench, child, type Bench } from './support.ts'

export const boom = new Error('boom')
export const explode = (): never => {
  throw boom
}

/** The resources held now. Each logic here takes one at its start, and releases it in its clean-up. */
export let holding: string[] = []
export let starts = 0
/** What was printed. A test that expects output says so. */
export const printed: unknown[][] = []
const { error } = console

beforeEach(() => {
  holding = []
  starts = 0
  printed.length = 0
  console.error = (...values: unknown[]): void => void printed.push(values)
})

afterEach(() => {
  console.error = error
  expect(printed).toEqual([])
})

/** Takes a resource, and returns the function that releases it. */
function take(what: string): () => void {
  starts += 1
  const mine = `${what} ${starts}`
  holding.push(mine)
  return () => {
    if (!holding.includes(mine)) throw new Error(`${mine} was given back twice`)
    holding = holding.filter((each) => each !== mine)
  }
}

export interface Observer {
  next: (value: unknown) => void
  error: (error: unknown) => void
  complete: () => void
}

/** An observable like RxJS's, except that it does not unsubscribe by itself when it fails. */
export const observable = (act: (observer: Observer) => void = () => undefined) => ({
  subscribe: (observer: Observer) => {
    const unsubscribe = take('subscription')
    observers.push(observer)
    act(observer)
    return { unsubscribe }
  },
})

export const callback = fromCallback(({ receive }) => {
  receive(({ type }) => {
    if (type === 'fail') explode()
  })
  return take('callback')
})

export const observing = fromObservable(() => observable() as never)
export const eventObserving = fromEventObservable(() => observable() as never)
/** The subscribers, in the order of their subscriptions. */
export const observers: Observer[] = []

export const promise = fromPromise(({ signal }) => {
  signal.addEventListener('abort', take('promise'))
  return new Promise(() => undefined)
})

/** A promise creator that takes a resource and then throws. */
export const syncPromise = fromPromise(({ signal }) => {
  signal.addEventListener('abort', take('promise'))
  return explode()
})

/** A hand-written logic, which XState stops like its own logics. */
const custom: ActorLogic<Snapshot<unknown> & { give?: () => void }, { type: string }> = {
  config: {},
  getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
  start: (snapshot) => {
    snapshot.give = take('custom')
  },
  transition: (snapshot, { type }) => {
    if (type === 'fail') explode()
    if (type === 'xstate.stop') snapshot.give?.()
    return snapshot
  },
  getPersistedSnapshot: (snapshot) => snapshot,
}

const onFail = { fail: { actions: explode } }

/** A machine that fails by itself and has invoked actors. */
export const invoking = (...src: AnyActorLogic[]): AnyActorLogic =>
  createMachine({ on: onFail, invoke: src.map((each) => ({ src: each })) })

/** The actor of a child, if it has one now. */
export const refOf = (it: Bench, id = 'a'): AnyActorRef | undefined =>
  it.app.children.find((each) => each.id === id)?.ref

export async function started(spec: Partial<ChildSpec>, options: Partial<SupervisorOptions> = {}): Promise<Bench> {
  observers.length = 0
  const it = bench({ breaker: 'off', children: [child('a', spec), child('b')], ...options })
  await it.app.start()
  await it.clock.advance(10)
  return it
}

export const kinds: [name: string, holds: number, logic: () => AnyActorLogic][] = [
  ['callback', 1, () => callback],
  ['logic of its own', 1, () => custom],
  ['machine that has invoked a callback', 1, () => invoking(callback)],
  ['machine that has invoked all kinds', 5, () => invoking(callback, observing, eventObserving, promise, custom)],
  ['machine that has invoked a machine', 2, () => invoking(invoking(callback, promise))],
  ['machine that has spawned', 1, () => createMachine({ on: onFail, entry: spawnChild(callback) })],
]
