import { createSupervisor } from '@terrarium/supervisor'
import { fromCallback, fromTransition } from 'xstate'

const counter = fromTransition((count: number) => count + 1, 0)
const flaky = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('cannot work like this')
  })
})

const app = createSupervisor({
  id: 'app',
  strategy: 'one_for_one',
  children: [
    { id: 'counter', logic: counter },
    { id: 'flaky', logic: flaky },
  ],
})
app.on('child.exit', ({ id, reason }) => {
  console.log(`${id} ended: ${reason.type}`)
})
app.on('child.backoff', ({ id, delay }) => {
  console.log(`${id} stays down for ${delay} ms`)
})

await app.start() // every child is ready, or it rejects and nothing is left running

const restarted = new Promise((resolve) => app.on('child.restart', resolve))
app.children[1]?.ref?.send({ type: 'work' })
await restarted

console.log(app.children.map(({ id, state, incarnation }) => `${id} ${state} ${incarnation}`))
await app.stop() // newest first
