import { createSupervisor } from '@terrarium/supervisor'
import type { ChildView, RestartStrategy } from '@terrarium/supervisor/strategies'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromCallback } from 'xstate'

const HOUR_MS = 3_600_000

/** One child at a time. The third failure within an hour restarts all, whichever children have failed. */
const patient: RestartStrategy<ChildView, readonly number[]> = {
  name: 'patient',
  plan: (failed, children, { failure, memory = [] }) => {
    const recent = [...memory.filter((at) => failure.at - at < HOUR_MS), failure.at]
    if (recent.length < 3) return { restart: [failed.id], memory: recent }
    return { restart: Array.from(children, ({ id }) => id), memory: [] }
  },
}

const logic = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('crashed')
  })
})
const clock = new VirtualClock()
const ids = ['a', 'b', 'c']
const app = createSupervisor({ id: 'app', clock, strategy: patient, children: ids.map((id) => ({ id, logic })) })
await app.start()
for (const id of ['a', 'b', 'a']) {
  await clock.advance(60_000)
  app.child(id)?.send({ type: 'crash' })
  await clock.advance(1_000)
  console.log(app.children.map(({ incarnation }) => incarnation).join(' ')) // 2 1 1, then 2 2 1, then 3 3 2
}
await app.stop()
