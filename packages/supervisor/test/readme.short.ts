import { createSupervisor } from '@terrarium/supervisor'
import type { RestartStrategy } from '@terrarium/supervisor/strategies'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromCallback } from 'xstate'

/** The failed child and its left neighbour. */
const neighbours: RestartStrategy = {
  name: 'neighbours',
  plan: (failed, children) => {
    const ids = Array.from(children, ({ id }) => id)
    return { restart: ids.slice(Math.max(0, ids.indexOf(failed.id) - 1), ids.indexOf(failed.id) + 1) }
  },
}

const logic = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('crashed')
  })
})
const clock = new VirtualClock()
const ids = ['a', 'b', 'c']
const app = createSupervisor({ id: 'app', clock, strategy: neighbours, children: ids.map((id) => ({ id, logic })) })
await app.start()
app.child('b')?.send({ type: 'crash' })
await clock.advance(0)
console.log(app.children.map(({ id, incarnation }) => `${id} ${incarnation}`).join(', ')) // a 2, b 2, c 1
await app.stop()
