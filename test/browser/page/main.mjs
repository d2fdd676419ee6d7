// The host of Web Workers. A test calls `run()` in the page.
import { createSupervisor } from '@terrarium/supervisor'
import { fromWebWorker } from '@terrarium/threads/web'
import { waitFor } from 'xstate'

const { Worker } = globalThis
const counter = fromWebWorker(() => new Worker(new URL('./counter.mjs', import.meta.url), { type: 'module' }))
const broken = fromWebWorker('/absent.mjs')

const exitOf = (app, id) =>
  new Promise((resolve) => {
    app.on('child.exit', ({ id: about, reason }) => {
      if (about === id) resolve({ type: reason.type, name: reason.error?.name, message: reason.error?.message })
    })
  })

async function sent(type) {
  const logic = counter
  const app = createSupervisor({ id: 'app', children: [{ id: 'a', logic, input: { from: 1 }, restart: 'temporary' }] })
  await app.start()
  const exit = exitOf(app, 'a')
  app.child('a').send({ type })
  const reason = await exit
  await app.stop()
  return reason
}

async function killed() {
  const children = ['looping', 'sibling'].map((id) => ({ id, logic: counter, input: { from: 1 }, shutdown: 100 }))
  const app = createSupervisor({ id: 'app', children })
  await app.start()
  const exit = exitOf(app, 'looping')
  app.child('looping').send({ type: 'loop' })
  const terminated = app.terminateChild('looping')
  const counted = new Promise((resolve) => app.child('sibling').on('counted', resolve))
  app.child('sibling').send({ type: 'count' })
  const event = await counted
  const { context } = await waitFor(app.child('sibling'), (shown) => shown.context.count === 2)
  await terminated
  const states = app.children.map(({ id, state, incarnation }) => `${id} ${state} ${incarnation}`)
  const result = { exit: await exit, event, context, states }
  await app.stop()
  return result
}

async function unloadable() {
  const app = createSupervisor({ id: 'app', children: [{ id: 'a', logic: broken, awaitReady: false }] })
  const parked = new Promise((resolve) => app.on('child.parked', resolve))
  await app.start()
  const { cause, failure, incarnation } = await parked
  await app.stop()
  return { cause, code: failure.error.code, incarnation }
}

globalThis.run = { sent, killed, unloadable }
