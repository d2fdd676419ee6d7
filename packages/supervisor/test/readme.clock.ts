import { createSupervisor } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromPromise } from 'xstate'

const clock = new VirtualClock()
const failing = fromPromise(() => Promise.reject(new Error('not today')))
const app = createSupervisor({ id: 'app', clock, children: [{ id: 'job', logic: failing }] })

await app.start()
await clock.advance(60_000) // a minute of failures, in no time
console.log(app.children[0]?.state, clock.now())
await app.stop()
