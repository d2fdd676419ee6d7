// Runs the state machines of @sanity/comlink, which connect a page with a frame: here both have one stand-in of a
// window. The two lines with Inspector are all that is added for the inspector.
import { createConnectionMachine, createNodeMachine } from '@sanity/comlink'
import { createInspector } from '@terrarium/inspector'
import { createActor } from 'xstate'

const { inspect } = createInspector({ name: 'messages' })

const window = new globalThis.EventTarget()
Object.assign(globalThis, { window })
/** The other side of both: what is posted to it arrives at the window. */
const peer = {
  postMessage(data) {
    setTimeout(() => {
      window.dispatchEvent(Object.assign(new globalThis.Event('message'), { data, origin: 'http://a', source: peer }))
    }, 5)
  },
}

const frame = createActor(createNodeMachine(), {
  id: 'frame',
  input: { name: 'frame', connectTo: 'page' },
  inspect,
})
const page = createActor(createConnectionMachine(), {
  id: 'page',
  input: { name: 'page', connectTo: 'frame', heartbeat: true, target: peer, targetOrigin: '*' },
  inspect,
})
frame.start()
page.start()
page.send({ type: 'connect' })
let count = 0
setInterval(() => {
  page.send({ type: 'post', data: { type: 'greeting', data: { text: 'hello', count: (count += 1) } } })
}, 300)
