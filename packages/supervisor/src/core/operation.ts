// The administrative operations of a supervisor, as data.
import type { AnyActorRef } from 'xstate'
import type { Result } from './effect.ts'
import type { WhatIfOptions } from './what-if.ts'

/** How a child is addressed: by id, or among dynamic children by its actor. */
export type Address = string | AnyActorRef

/** True if an address is a ref. The address may be any value that a caller has passed. */
export function isRef(address: unknown): address is AnyActorRef {
  try {
    return typeof address === 'object' && address !== null && 'getSnapshot' in address
  } catch {
    return false // a proxy or getter that throws
  }
}

/** One administrative operation. */
export type Operation =
  /** With strategy `simple_one_for_one` the input of a new child, else a specification. */
  | { readonly type: 'startChild'; readonly specOrInput: unknown }
  /** `isOver` tells whether the actor that is addressed has ended, when the operation's turn has come. */
  | { readonly type: 'terminateChild'; readonly child: Address; readonly isOver?: (() => boolean) | undefined }
  | { readonly type: 'restartChild'; readonly child: Address; readonly force?: boolean | undefined }
  | { readonly type: 'reconfigure'; readonly spec: unknown }
  | { readonly type: 'getChildSpec'; readonly child: Address; readonly isOver?: (() => boolean) | undefined }
  | { readonly type: 'deleteChild' | 'unpark'; readonly child: Address }
  /** `why`: in the caller's words. */
  | { readonly type: 'park'; readonly child: Address; readonly why?: string | undefined }
  | ({ readonly type: 'whatIf'; readonly child: Address; readonly error: unknown } & WhatIfOptions)
  | { readonly type: 'whichChildren' }
  /** `isOver` tells whether an actor has ended, when the operation's turn has come. */
  | { readonly type: 'countChildren'; readonly isOver?: ((ref: AnyActorRef) => boolean) | undefined }

/** Called with the result of the operation. The core itself never calls it. */
export type Reply = (result: Result) => void
