// A host on the real clock whose children fail wherever a child can. It prints the errors that would have ended it, and then has to end by itself: no timer and no listener of a stopped supervisor may keep it alive.
import { createSupervisor } from '@terrarium/supervisor'
import { assign, createMachine, fromCallback, fromObservable, fromPromise, fromTransition } from 'xstate'

const uncaught = []
process.on('uncaughtException', (error) => uncaught.push(String(error)))
process.on('unhandledRejection', (error) => uncaught.push(String(error)))

const explode = () => {
  throw new Error('boom')
}
const onGo = (actions) => createMachine({ context: { n: 0 }, on: { go: { actions } } })
const logics = {
  factory: explode,
  lateFactory: () => Promise.reject(new Error('boom')),
  context: createMachine({ context: explode }),
  entry: createMachine({ entry: explode }),
  action: onGo(explode),
  assignment: onGo(assign({ n: explode })),
  guard: createMachine({ on: { go: { guard: explode, actions: () => undefined } } }),
  delayed: createMachine({ initial: 'x', states: { x: { after: { 5: { target: 'y' } } }, y: { entry: explode } } }),
  exitAction: createMachine({ initial: 'x', states: { x: { on: { go: 'y' }, exit: explode }, y: {} } }),
  output: createMachine({ initial: 'x', states: { x: { type: 'final' } }, output: explode }),
  promise: fromPromise(() => Promise.reject(new Error('boom'))),
  syncPromise: fromPromise(explode),
  invokedPromise: createMachine({ invoke: { src: fromPromise(() => Promise.reject(new Error('boom'))) } }),
  callback: fromCallback(explode),
  receiver: fromCallback(({ receive }) => {
    receive(explode)
  }),
  cleanUp: fromCallback(() => explode),
  reducer: fromTransition(explode, 0),
  observable: fromObservable(() => ({
    subscribe: (observer) => {
      observer.error(new Error('boom'))
      return { unsubscribe: explode }
    },
  })),
}

const backoff = { first: 1, base: 1, factor: 1, jitter: 'none', maxAttempts: 3 }
const app = createSupervisor({
  id: 'app',
  backoff,
  breaker: 'off',
  intensity: 1_000,
  startRate: Infinity,
  children: Object.entries(logics).map(([id, logic]) => ({ id, logic, awaitReady: false })),
})
const starts = {}
const exits = {}
app.on('child.start', ({ id, ref }) => {
  starts[id] = (starts[id] ?? 0) + 1
  ref.subscribe(() => explode())
  ref.subscribe({ complete: explode, error: explode })
  setTimeout(() => ref.send({ type: 'go' }))
})
app.on('child.exit', ({ id }) => {
  exits[id] = (exits[id] ?? 0) + 1
  explode()
})
const { error } = console
console.error = () => undefined // XState reports the errors of observers there
await app.start()
await new Promise((resolve) => setTimeout(resolve, 300))
const states = Object.fromEntries(app.children.map(({ id, state }) => [id, state]))
await app.stop()
console.error = error
await new Promise((resolve) => setTimeout(resolve, 20))
process.stdout.write(
  JSON.stringify({ uncaught, starts, exits, states, zombies: app.ref.getSnapshot().zombieEffects }) + '\n',
)
