import { createSupervisor } from '@terrarium/supervisor'
import type { RestartStrategy } from '@terrarium/supervisor/strategies'
import { fromTransition } from 'xstate'

const uses: Record<string, readonly string[]> = { api: ['db'], mail: ['queue'], web: ['api'] }
const dependsOn = (id: string, other: string): boolean =>
  (uses[id] ?? []).some((each) => each === other || dependsOn(each, other))

/** Restarts the failed child and all that use it, directly or through others. */
const dependents: RestartStrategy = {
  name: 'dependents',
  plan: (failed, children) => ({
    restart: Array.from(children, ({ id }) => id).filter((id) => id === failed.id || dependsOn(id, failed.id)),
  }),
}

const logic = fromTransition((state: number, event: { type: string }) => {
  if (event.type === 'fail') throw new Error('failed')
  return state
}, 0)
const ids = ['db', 'queue', 'api', 'mail', 'web']
const app = createSupervisor({ id: 'app', strategy: dependents, children: ids.map((id) => ({ id, logic })) })
await app.start()
app.children[0]?.ref?.send({ type: 'fail' })
while (app.children.some(({ state }) => state !== 'running')) await new Promise((resolve) => setTimeout(resolve))
console.log(app.children.map(({ id, incarnation }) => `${id} ${incarnation}`).join(', '))
await app.stop()
