// The child that all contenders run.
import { fromTransition } from 'xstate'

export interface CounterEvent {
  readonly type: 'count' | 'crash'
}

/** The child of all contenders: it counts, and crashes when told to. */
export const counter = fromTransition((count: number, { type }: CounterEvent) => {
  if (type === 'crash') throw new Error('crashed as it was told to')
  return count + 1
}, 0)

export const COUNT = { type: 'count' } as const
export const CRASH = { type: 'crash' } as const
