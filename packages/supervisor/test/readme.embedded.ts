import { administrate, supervisor } from '@terrarium/supervisor'
import { createActor, createMachine, fromTransition, waitFor } from 'xstate'

const connection = fromTransition(
  (state: { user: string }) => state,
  ({ input }: { input: { user: string } }) => input,
)
const connections = supervisor({
  id: 'connections',
  strategy: 'simple_one_for_one', // all are made from one template
  maxChildren: 1_000,
  children: [{ id: 'connection', logic: connection, restart: 'temporary' }],
})
const server = createMachine({
  initial: 'closed',
  states: {
    closed: { on: { open: 'open' } },
    open: { invoke: { id: 'connections', src: connections }, on: { close: 'closed' } }, // stopped with the state
  },
})

const actor = createActor(server).start()
actor.send({ type: 'open' })
const { children } = await waitFor(actor, (snapshot) => snapshot.matches('open'))
if (children.connections === undefined) throw new Error('not invoked')
const open = administrate(children.connections)
const ada = await open.startChild({ user: 'ada' })
await open.startChild({ user: 'bob' })
if (ada !== undefined) await open.terminateChild(ada)
console.log(await open.countChildren())
actor.send({ type: 'close' })
