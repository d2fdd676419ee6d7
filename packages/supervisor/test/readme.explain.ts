import { createSupervisor } from '@terrarium/supervisor'
import { keepJournal, replay } from '@terrarium/supervisor/replay'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromCallback } from 'xstate'

const logic = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('mailbox full')
  })
})
const clock = new VirtualClock()
const app = createSupervisor({
  id: 'app',
  clock,
  random: () => 0.5,
  strategy: 'one_for_all',
  backoff: { first: 500 },
  journal: keepJournal(),
  children: [
    { id: 'db', logic },
    { id: 'web', logic, dependsOn: ['db'] },
    { id: 'mail', logic },
  ],
})
await app.start()

const asked = await app.whatIf('db', new Error('connection reset'))
console.log(asked.sentence)

app.child('mail')?.send({ type: 'fail' })
await clock.advance(100)
console.log(app.explain('mail').sentence)
console.log(app.explain('web').sentence)
await clock.advance(1_000)

const { differences } = replay(app.journal(), { strategy: 'dependents' })
for (const { run, id, what } of differences) console.log(run === 'recorded' ? '-' : '+', id, what)
await app.stop()
