// Runs the state machine of @sanity/mutate that edits a document while others edit it, with a stand-in of its server.
// The two lines with Inspector are all that is added for the inspector.
import { documentMutatorMachine } from '@sanity/mutate/_unstable_machine'
import { createInspector } from '@terrarium/inspector'
import { Observable } from 'rxjs'
import { createActor, createMachine } from 'xstate'

const { inspect } = createInspector({ name: 'document' })

/** It refuses each third transaction. */
let transactions = 0
const client = {
  withConfig: () => client,
  listen: () =>
    new Observable((subscriber) => {
      const timer = setTimeout(() => {
        subscriber.next({ type: 'welcome', listenerName: 'a' })
      }, 20)
      return () => {
        clearTimeout(timer)
      }
    }),
  getDocument: async (id) => ({ _id: id, _type: 'article', _rev: 'r1', title: 'Draft', body: 'x'.repeat(5_000) }),
  dataRequest: async () => {
    transactions += 1
    if (transactions % 3 === 0) throw new Error('the server is busy')
  },
}

const editor = createMachine({
  id: 'editor',
  invoke: { src: documentMutatorMachine, id: 'article', input: { client, id: 'article-1', cache: new Map() } },
})
const actor = createActor(editor, { id: 'editor', inspect })
actor.start()
const { article } = actor.getSnapshot().children
let count = 0
setInterval(() => {
  const mutation = { type: 'patch', id: 'article-1', patches: [{ path: ['title'], op: { type: 'set', value: '' } }] }
  mutation.patches[0].op.value = `Version ${(count += 1)}`
  article.send({ type: 'mutate', mutations: [mutation] })
  article.send({ type: 'submit' })
}, 250)
