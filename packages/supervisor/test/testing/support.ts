// Children for the tests of the test kit: each kind of logic, without a thought of being tested.
import { childSpec, supervisor, type ChildSpec } from '@terrarium/supervisor'
import { createMachine, fromCallback, fromPromise, fromTransition, type AnyActorLogic } from 'xstate'

/** Counts the events that it takes. */
export const counter = fromTransition((count: number, _event: { type: 'count' }) => count + 1, 0)

/** Becomes connected after 100 ms. */
const connecting = createMachine({
  initial: 'connecting',
  states: { connecting: { after: { 100: 'connected' } }, connected: {} },
})

export const db = childSpec({ id: 'db', logic: connecting, ready: (snapshot) => snapshot.matches('connected') })

/** One child of each kind of logic. */
export const KINDS: Readonly<Record<string, AnyActorLogic>> = {
  transition: counter,
  machine: createMachine({}),
  callback: fromCallback(() => undefined),
  promise: fromPromise(() => new Promise(() => undefined)),
  supervisor: supervisor({ id: 'inner', children: [{ id: 'leaf', logic: counter }] }),
}

export const every = (): ChildSpec[] => Object.entries(KINDS).map(([id, logic]) => ({ id, logic }))

/** A supervisor with a nested one, `jobs`, which has the child `mailer`. */
export const nested = (): readonly ChildSpec[] => [
  { id: 'cache', logic: counter },
  { id: 'jobs', logic: supervisor({ id: 'jobs', children: [{ id: 'mailer', logic: counter }] }) },
]
