import { createSupervisor } from '@terrarium/supervisor'
import type { ChildView, RestartStrategy } from '@terrarium/supervisor/strategies'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromCallback } from 'xstate'

/** A licence that has run out helps no restart: the child waits for an hour, and what shows it gets ten seconds. */
const licensed: RestartStrategy<ChildView<string, { readonly shows?: string } | undefined>> = {
  name: 'licensed',
  plan: (failed, children, { failure }) => {
    if (!String(failure.error).includes('licence')) return { restart: [failed.id] }
    const viewers = [...children].filter(({ meta }) => meta?.shows === failed.id)
    return {
      actions: [
        { action: 'park', child: failed.id, for: 3_600_000, because: 'the licence has run out' },
        ...viewers.map(
          ({ id }) => ({ action: 'delay', child: id, by: 10_000, because: `${failed.id} waits` }) as const,
        ),
      ],
    }
  },
}

const logic = fromCallback<{ type: 'fail'; text: string }>(({ receive }) => {
  receive(({ text }) => {
    throw new Error(text)
  })
})
const clock = new VirtualClock()
const app = createSupervisor({
  id: 'app',
  clock,
  strategy: licensed,
  children: [
    { id: 'maps', logic },
    { id: 'page', logic, meta: { shows: 'maps' } },
  ],
})
await app.start()
app.on('child.parked', ({ id, because }) => {
  console.log(id, 'is parked:', because?.plan?.because)
})
app.on('child.start', ({ id, because }) => {
  console.log(id, 'starts:', because?.plan?.because)
})
app.child('maps')?.send({ type: 'fail', text: 'no licence' }) // maps is parked: the licence has run out
await clock.advance(10_000) // page starts: maps waits
console.log(app.children.map(({ id, state }) => `${id} ${state}`).join(', ')) // maps parked, page running
await app.stop()
