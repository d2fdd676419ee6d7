import type { Wire } from './wire.mjs'

export interface Fault {
  readonly say: (wire: Wire) => void
  /** What the host calls it. */
  readonly fault: RegExp
}

export const FAULTS: Readonly<Record<string, Fault>>
export const FAULTS_OF_READY: Readonly<Record<string, Fault>>
