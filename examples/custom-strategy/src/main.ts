// The demonstration of the strategy `dependents`.
import { createSupervisor } from '@terrarium/supervisor'
import { fromCallback, waitFor } from 'xstate'
import { dependents, type Uses } from './dependents.ts'

/** In start order. */
const uses: Uses = { db: [], queue: [], api: ['db'], mail: ['queue'], web: ['api'] }

const part = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('crashed')
  })
})

/** Crashes `db`, then `queue`, and prints which children were stopped, started and left alone. */
export async function main(): Promise<number> {
  const app = createSupervisor({
    id: 'app',
    strategy: dependents(uses),
    children: Object.keys(uses).map((id) => ({ id, logic: part })),
  })
  let events: string[] = []
  app.on('child.exit', ({ id, reason }) => events.push(reason.type === 'error' ? `${id} crashes` : `${id} stops`))
  app.on('child.start', ({ id }) => events.push(`${id} starts`))
  await app.start()

  for (const id of ['db', 'queue']) {
    events = []
    app.child(id)?.send({ type: 'crash' })
    await waitFor(app.ref, ({ supervised }) => supervised.every(({ state }) => state === 'running'))
    console.log(events.join(', '))
    console.log(app.children.map((child) => `${child.id} ${child.incarnation}`).join(', '))
  }
  await app.stop()
  return 0
}
