// What tests claim of a tree of supervisors: as matchers for `expect.extend()` of Jest and Vitest, and as functions
// that throw, for node:test and every other runner.
import type { AnyActorRef } from 'xstate'
import { descendantsOf, rootOf, snapshotOf, type Descendant, type Inside, type Supervised } from './tree.ts'

/** What a matcher returns to Jest or Vitest. */
export interface MatcherResult {
  readonly pass: boolean
  readonly message: () => string
}

/**
 * The matchers of {@link matchers}, for the types of the runner:
 *
 * ```ts
 * declare module 'expect' { // Jest; 'vitest' for Vitest
 *   interface Matchers<R extends void | Promise<void>, T> extends SupervisorMatchers<R> {}
 * }
 * ```
 */
export interface SupervisorMatchers<R = unknown> {
  /** The supervisor runs, and every child below it is ready. */
  toHaveEveryChildReady(): R
  /** No child below the supervisor was started more than once. */
  toHaveRestartedNothing(): R
}

/** `expect.extend(matchers)`, in Jest and Vitest. Types: {@link SupervisorMatchers}. */
export const matchers = matchersFor()

/** Throws unless the supervisor runs and every child below it is ready. */
export function assertEveryChildReady(supervised: Supervised): void {
  mustHold(notReady(supervised))
}

/** Throws if a child below the supervisor was started more than once. */
export function assertNothingRestarted(supervised: Supervised): void {
  mustHold(restarted(supervised))
}

/** A claim about a root: `wrong` is empty if it holds. */
interface Claim {
  readonly what: string
  readonly wrong: readonly string[]
}

/** The matchers, with what other packages know to be `inside` of actors that are no supervisors. */
export function matchersFor(inside?: Inside): {
  toHaveEveryChildReady: (received: unknown) => MatcherResult
  toHaveRestartedNothing: (received: unknown) => MatcherResult
} {
  return {
    toHaveEveryChildReady: (received) => resultOf(notReady(received, inside)),
    toHaveRestartedNothing: (received) => resultOf(restarted(received, inside)),
  }
}

const READY_STATES: ReadonlySet<string> = new Set(['running', 'ready'])

function notReady(subject: unknown, inside?: Inside): Claim {
  const root = rootOf(subject, inside)
  const children = [...descendantsOf(root, inside)].filter(({ state }) => !READY_STATES.has(state))
  const wrong = children.map((each) => `${each.path} is ${each.state.replace('_', ' ')}${because(each)}`)
  return { what: `every child of ${root.id} to be ready`, wrong: isRunning(root) ? wrong : [stateOf(root), ...wrong] }
}

function restarted(subject: unknown, inside?: Inside): Claim {
  const root = rootOf(subject, inside)
  const children = [...descendantsOf(root, inside)].filter(({ incarnation }) => incarnation > 1)
  const wrong = children.map((each) => `${each.path} was started ${each.incarnation} times${because(each)}`)
  return { what: `${root.id} to have restarted nothing`, wrong }
}

function resultOf({ what, wrong }: Claim): MatcherResult {
  const pass = wrong.length === 0
  return { pass, message: () => (pass ? `expected not: ${what}` : textOf({ what, wrong })) }
}

function mustHold(claim: Claim): void {
  if (claim.wrong.length > 0) throw new Error(textOf(claim))
}

const textOf = ({ what, wrong }: Claim): string => `expected ${what}:${wrong.map((each) => `\n  - ${each}`).join('')}`

const because = ({ why }: Descendant): string => (why === undefined ? '' : `: ${why}`)

const isRunning = (root: AnyActorRef): boolean => {
  const { status, phase } = snapshotOf(root)
  return status === 'active' && phase === 'running'
}

function stateOf(root: AnyActorRef): string {
  const { status, phase = 'idle' } = snapshotOf(root)
  return `${root.id} is ${status === 'active' ? phase : 'over'}`
}
