import { createSupervisor, supervisor } from '@terrarium/supervisor'
import { fromCallback, fromTransition } from 'xstate'

const cache = fromTransition((hits: number) => hits + 1, 0)
const flaky = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('cannot work like this')
  })
})
const app = createSupervisor({
  id: 'app',
  strategy: 'rest_for_one', // a child depends on the children before it
  children: [
    { id: 'cache', logic: cache },
    { id: 'flaky', logic: flaky, restart: 'transient' },
    { id: 'jobs', logic: supervisor({ id: 'jobs', children: [{ id: 'job', logic: cache }] }) },
  ],
})
app.on('child.exit', ({ id, reason }) => {
  console.log(`${id} ended: ${reason.type}`)
})
await app.start() // every child is ready, or it rejects and nothing is left running

const restarted = new Promise((resolve) => app.on('child.restart', resolve))
app.children[1]?.ref?.send({ type: 'work' })
await restarted

// [ 'cache running 1', 'flaky running 2', 'jobs running 2' ]
console.log(app.children.map(({ id, state, incarnation }) => `${id} ${state} ${incarnation}`))
await app.stop() // newest first
