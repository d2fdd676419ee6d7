// An application in a browser with the inspector: two lines are added to what it is without.
import { createInspector } from '@terrarium/inspector/web'
import { createActor, createMachine } from 'xstate'

const inspector = createInspector()

const gate = createMachine({
  id: 'gate',
  context: ({ input }) => ({ element: input.element }),
  initial: 'closed',
  states: { closed: { on: { OPEN: 'opened' } }, opened: { on: { CLOSE: 'closed' } } },
})
const { inspect } = inspector
globalThis.actor = createActor(gate, { id: 'gate', input: { element: globalThis.document.head }, inspect }).start()
globalThis.inspector = inspector
