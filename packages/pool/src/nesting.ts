// What a function of the host runs within: the call that waits for it. Calls that the function makes find it by Node's
// AsyncLocalStorage, which is made with the first function that is exposed: without one, a call pays a comparison.
import { AsyncLocalStorage } from 'node:async_hooks'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { NestedIn } from './core/call.ts'
import type { PoolState } from './core/state.ts'
import type { PendingCall } from './pending-call.ts'

/** One host call, as the calls within it know it. */
export interface Nesting {
  /** Of the pool whose tool waits. */
  readonly state: PoolState
  /** The call whose tool waits. */
  readonly call: PendingCall
  /** `['a', 'host price']` */
  readonly path: readonly string[]
  readonly signal: AbortSignal
  /** What is left of its time, in ms; undefined: it has no deadline. */
  readonly deadline: () => number | undefined
  /** The function has answered. */
  readonly isOver: boolean
}

/** What a nested call has more than others. */
export interface NestedRequest extends NestedIn {
  /** The function that makes it. */
  readonly nesting: Nesting
}

/** A timer takes no shorter time, in ms. */
const SHORTEST_MS = 1e-3

let storage: AsyncLocalStorage<Nesting> | undefined

/** Runs code of the user's within a host call. */
export function runWithin<T>(nesting: Nesting, run: () => T): T {
  storage ??= new AsyncLocalStorage()
  return storage.run(nesting, run)
}

/**
 * The options of a call of the pool with this state. A call that is made within a host call has no more time, and is
 * cancelled with it. Throws CANCELLED if the host call was ended. After the function has answered, its code makes calls
 * as any other code.
 */
export function withNesting<T extends { readonly timeout?: number | undefined }>(
  tool: string,
  options: T,
  state: PoolState,
): T & { readonly nested?: NestedRequest } {
  const nesting = storage?.getStore()
  if (nesting === undefined) return options
  const { signal, path } = nesting
  if (nesting.isOver && !signal.aborted) return options
  if (signal.aborted) {
    throw new TerrariumError('CANCELLED', `call of ${tool} was cancelled before it began`, {
      cause: signal.reason,
      details: { tool },
    })
  }
  const left = nesting.deadline()
  const timeout = Math.min(options.timeout ?? Infinity, Math.max(SHORTEST_MS, left ?? Infinity))
  const parent = ancestorIn(nesting, state)
  const times = timeout === Infinity ? {} : { timeout }
  return { ...options, ...times, nested: { nesting, parent, path: [...path, tool] } }
}

/** The nearest call of this pool that waits, through functions of the host and calls of other pools. */
function ancestorIn(nesting: Nesting, state: PoolState): PendingCall | undefined {
  for (let each: Nesting | undefined = nesting; each !== undefined; each = each.call.nested?.nesting) {
    if (each.state === state && each.call.slot !== undefined) return each.call
  }
  return undefined
}
