// The demonstration: explain, what-if, and the replay of an incident with another strategy.
import { createSupervisor } from '@terrarium/supervisor'
import { keepJournal, replay, type JournalJson } from '@terrarium/supervisor/replay'
import { exit } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromCallback } from 'xstate'
import { differenceText, stepText } from './text.ts'

const logic = fromCallback(() => undefined)

/** A shop whose parts were all restarted when one had failed. A day of it takes no time, on a virtual clock. */
function shop(clock: VirtualClock) {
  return createSupervisor({
    id: 'shop',
    strategy: 'one_for_all',
    backoff: { first: 500, jitter: 'none' },
    clock,
    journal: keepJournal({ errors: 'message' }),
    children: [
      { id: 'db', logic },
      { id: 'api', logic, dependsOn: ['db'] },
      { id: 'web', logic, dependsOn: ['api'] },
      { id: 'mail', logic },
    ],
  })
}

/** Lives through an incident, and prints what can be learnt from it. */
export async function main(): Promise<number> {
  const clock = new VirtualClock(0)
  const app = shop(clock)
  const crash = async (id: 'db' | 'mail', message: string): Promise<void> => {
    const ref = app.child(id)
    if (ref !== undefined) exit(ref, { type: 'error', error: new Error(message) })
    await clock.advance(0)
  }
  await app.start()
  await clock.advance(60_000)

  console.log('What would follow if db failed?')
  const said = await app.whatIf('db', new Error('connection reset'))
  console.log(`  ${said.sentence}`)
  for (const step of said.steps) console.log(`  ${stepText(step)}`)

  await crash('mail', 'mailbox full')
  await clock.advance(200)
  console.log('\nmail has failed. Why is the rest of the shop down?')
  for (const id of ['mail', 'web'] as const) console.log(`  ${app.explain(id).sentence}`)

  await clock.advance(30_000)
  await crash('db', 'connection reset')
  await clock.advance(30_000)
  const journal = JSON.stringify(app.journal())
  await app.stop()

  console.log('\nWhat would have been different with strategy dependents?')
  const { differences } = replay(JSON.parse(journal) as JournalJson, { strategy: 'dependents' })
  for (const difference of differences) console.log(`  ${differenceText(difference)}`)
  return 0
}
