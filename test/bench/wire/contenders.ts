// The contenders of the wire suite by their names, which can be handed to another process.
import { openLines, openStream, openWrites } from './item-contenders.ts'
import { openBatches, openHostCalls, openToolSession } from './verb-contenders.ts'
import { openBefore, type BeforeShape } from './before.ts'
import { openSession } from './bare-session.ts'
import { several, type OpenContender, type Opening } from './open-contender.ts'
import { openPool, type PoolShape } from './pool-call.ts'
import { openPythonia } from './pythonia.ts'
import { openPythonShell } from './python-shell.ts'
import { openRawSocket } from './raw-socket.ts'
import { openUnary } from './unary.ts'

/** What is opened, as plain data. */
export type ContenderName =
  | { readonly kind: 'raw' | 'pythonia' | 'unary' | 'session' }
  /** They send many items for each request. */
  | { readonly kind: 'stream' | 'lines' | 'writes' }
  /** Other verbs of a pool. */
  | { readonly kind: 'toolSession' | 'hostCalls' | 'batches' }
  /** `size`: of so many processes, which take turns. Default 1. */
  | { readonly kind: 'shell'; readonly size?: number }
  | { readonly kind: 'before'; readonly shape?: BeforeShape }
  | { readonly kind: 'pool'; readonly shape?: PoolShape }
  /** A pool that is sent arrays of float64. */
  | { readonly kind: 'array'; readonly shape?: PoolShape }

/** What each contender is opened with. */
export interface ContenderOpening extends Opening {
  /** The folder of the packages as they were before, built; undefined: they are not measured. */
  readonly before: string | undefined
}

/** Opens a contender. Resolves with undefined when it cannot be measured here. */
export async function openContender(
  name: ContenderName,
  opening: ContenderOpening,
): Promise<OpenContender | undefined> {
  switch (name.kind) {
    case 'raw':
      return openRawSocket(opening)
    case 'shell':
      return several(name.size ?? 1, () => openPythonShell(opening))
    case 'pythonia':
      return openPythonia(opening)
    case 'unary':
      return openUnary(opening)
    case 'session':
      return openSession(opening)
    case 'stream':
      return openStream(opening)
    case 'lines':
      return openLines(opening)
    case 'writes':
      return openWrites(opening)
    case 'toolSession':
      return openToolSession(opening)
    case 'hostCalls':
      return openHostCalls(opening)
    case 'batches':
      return openBatches(opening)
    case 'before':
      return openBefore(opening, name.shape)
    case 'pool':
      return openPool(opening, name.shape)
    case 'array': {
      const { pool, close } = await openPool(opening, name.shape)
      return {
        name: 'pool.call of a float64 array',
        form: 'float64',
        echo: (data: Float64Array) => pool.call('same', { data }),
        close,
      }
    }
  }
}
