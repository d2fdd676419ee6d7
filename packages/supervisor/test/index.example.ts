import { createSupervisor } from '@terrarium/supervisor'
import { fromCallback } from 'xstate'

const worker = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('the worker has failed')
  })
})
const app = createSupervisor({ id: 'app', children: [{ id: 'worker', logic: worker }] })
app.on('child.ready', ({ id, incarnation }) => {
  console.log(`${id} is ready, incarnation ${incarnation}`)
})
await app.start()
const restarted = new Promise((resolve) => app.on('child.restart', resolve))
app.child('worker')?.send({ type: 'work' })
await restarted
await app.stop()
