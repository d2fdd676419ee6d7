import type { ChildSpec } from '../spec.ts'
import type { Result } from './effect.ts'

/** One administrative operation. */
export type Call =
  | { readonly type: 'startChild'; readonly spec: ChildSpec }
  | { readonly type: 'terminateChild'; readonly id: string }
  | { readonly type: 'restartChild'; readonly id: string }
  | { readonly type: 'deleteChild'; readonly id: string }
  | { readonly type: 'unpark'; readonly id: string }
  | { readonly type: 'getChildSpec'; readonly id: string }
  | { readonly type: 'whichChildren' }
  | { readonly type: 'countChildren' }

/** Where the answer goes. The core only hands it back. */
export type Reply = (result: Result) => void
