// An application in a browser whose inspector tells an adapter of Stately's what it sees; the viewer is in an iframe.
import { createBrowserInspector } from '@statelyai/inspect'
import { createInspector } from '@terrarium/inspector/web'
import { createActor, createMachine } from 'xstate'

const iframe = globalThis.document.querySelector('iframe')
const stately = createBrowserInspector({ url: '/viewer.html', iframe }).adapter
const { inspect } = createInspector({ stately })
const gate = createMachine({
  id: 'gate',
  context: { password: 'open sesame' },
  initial: 'closed',
  states: { closed: { on: { OPEN: 'opened' } }, opened: {} },
})
globalThis.actor = createActor(gate, { id: 'gate', inspect }).start()
