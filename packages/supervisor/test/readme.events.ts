import { createSupervisor, supervisor, type SupervisorEvent } from '@terrarium/supervisor'
import { fromTransition, type AnyActorRef } from 'xstate'

/** Tells what happens in a tree of supervisors, from when each of them is there. */
const watch = (ref: AnyActorRef, tell: (event: SupervisorEvent) => void): void => {
  ref.on('*', (emitted: object) => {
    if (!('supervisor' in emitted)) return // an event of the child's own
    const event = emitted as SupervisorEvent
    tell(event)
    if (event.type === 'child.start') watch(event.ref, tell)
  })
}

const logic = fromTransition((state: number) => state, 0)
const jobs = supervisor({ id: 'jobs', children: [{ id: 'job', logic }] })
const app = createSupervisor({ id: 'app', children: [{ id: 'jobs', logic: jobs }] })
watch(app.ref, (event) => {
  console.log(event.type, event.supervisor, 'id' in event ? event.id : '')
})
await app.start()
await app.stop()
