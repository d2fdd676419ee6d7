// What tests claim of pools, of supervisors with pools in them, and of processes: as matchers for `expect.extend()` of
// Jest and Vitest, and as functions that throw, for node:test and every other runner.
import { TerrariumError } from '@terrarium/supervisor/base'
import {
  matchersFor,
  type Inside,
  type MatcherResult,
  type Supervised,
  type SupervisorMatchers,
} from '@terrarium/supervisor/testing'
import type { PoolAccess } from '../api.ts'
import { PoolHandle } from '../handle.ts'
import { isPool } from '../pool.ts'
import type { PoolSnapshot } from '../snapshot.ts'
import { Habitat, processesOf } from './habitat.ts'

/**
 * The matchers of {@link matchers}, for the types of the runner:
 *
 * ```ts
 * declare module 'expect' { // Jest; 'vitest' for Vitest
 *   interface Matchers<R extends void | Promise<void>, T> extends PoolMatchers<R> {}
 * }
 * ```
 */
export interface PoolMatchers<R = unknown> extends SupervisorMatchers<R> {
  /** Of a habitat, or of a path of a state directory: none of its processes lives, by scanning the system. */
  toHaveLeftNoProcess(): R
}

/** The workers of a pool, where it is in a tree of supervisors. */
const workersOf: Inside = (ref) =>
  isPool(ref)
    ? (ref.getSnapshot() as PoolSnapshot).workers.map(({ id, state, incarnation, failure }) => ({
        path: id,
        state,
        incarnation,
        why: failure?.error.message,
      }))
    : undefined

const { toHaveEveryChildReady, toHaveRestartedNothing } = matchersFor(workersOf)
const actorOf = (subject: unknown): unknown => PoolHandle.actorOf(subject) ?? subject

/** `expect.extend(matchers)`, in Jest and Vitest. Types: {@link PoolMatchers}. */
export const matchers = {
  toHaveEveryChildReady: (received: unknown): MatcherResult => toHaveEveryChildReady(actorOf(received)),
  toHaveRestartedNothing: (received: unknown): MatcherResult => toHaveRestartedNothing(actorOf(received)),
  toHaveLeftNoProcess: (received: unknown): MatcherResult => {
    const stateDir = stateDirOf(received)
    const left = processesOf(stateDir)
    const pass = left.length === 0
    return {
      pass,
      message: () => (pass ? `expected ${stateDir} to have processes` : `processes are left: ${left.join(', ')}`),
    }
  },
}

/** Throws unless the pool or supervisor runs, and every worker and child in it is ready. */
export function assertEveryChildReady(subject: PoolAccess | Supervised): void {
  mustPass(matchers.toHaveEveryChildReady(subject))
}

/** Throws if a worker or child in the pool or supervisor was started more than once. */
export function assertNothingRestarted(subject: PoolAccess | Supervised): void {
  mustPass(matchers.toHaveRestartedNothing(subject))
}

/** Throws if a process of the habitat, or of the state directory with this path, is alive. */
export function assertNoProcessLeft(subject: Habitat | string): void {
  mustPass(matchers.toHaveLeftNoProcess(subject))
}

function mustPass({ pass, message }: MatcherResult): void {
  if (!pass) throw new Error(message())
}

function stateDirOf(subject: unknown): string {
  if (subject instanceof Habitat) return subject.stateDir
  if (typeof subject === 'string' && subject !== '') return subject
  throw new TerrariumError('INVALID_ARGUMENT', 'the value is no habitat and no path of a state directory', {
    hint: 'Pass a Habitat, or the option `stateDir` of a pool.',
  })
}
