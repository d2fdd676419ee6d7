// The children of the demonstration and of its tests.
import { setup } from 'xstate'

/** A part of a system. It crashes when it is told to. Asked to end, it finishes its work in two seconds. */
export const part = setup({
  types: { events: {} as { type: 'crash' } | { type: 'supervisor.shutdown' } },
  actions: {
    crash: () => {
      throw new Error('crashed')
    },
  },
}).createMachine({
  initial: 'working',
  states: {
    working: { on: { crash: { actions: 'crash' }, 'supervisor.shutdown': 'finishing' } },
    finishing: { after: { 2_000: 'done' } },
    done: { type: 'final' },
  },
})
