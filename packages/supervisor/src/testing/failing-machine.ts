// The child of the conformance suites.
import { createMachine } from '../actor/xstate.ts'

/** Ends when it is asked to, and fails when it is told to. */
export const failingMachine = createMachine({
  initial: 'working',
  on: { 'supervisor.shutdown': '.ended' },
  states: {
    working: {
      on: {
        fail: {
          actions: () => {
            throw new Error('told to fail')
          },
        },
      },
    },
    ended: { type: 'final' },
  },
})
