import { expect, test } from '@jest/globals'
import { fromProgram, keep } from '@terrarium/process'
import { createActor, waitFor, type InspectionEvent } from 'xstate'
import { onEnd, open, silent, until } from './support.ts'

/** The states that an inspector has seen of the machine `program`, without repetitions. */
function inspected() {
  const states: string[] = []
  const inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.microstep' && event.type !== '@xstate.snapshot') return
    const { machine, value } = event.snapshot as { machine?: { id: string }; value?: string | object }
    if (machine?.id !== 'program' || value === undefined) return
    const state = typeof value === 'string' ? value : String(Object.keys(value)[0])
    if (states.at(-1) !== state) states.push(state)
  }
  return { states, inspect }
}

const LIFE = ['reserved', 'spawning', 'awaitingReady', 'active', 'terminating', 'terminated']

test('a kept program goes through the states of a life in the inspector, each time that it is started', async () => {
  const { states, inspect } = inspected()
  const kept = keep('sh', ['-c', 'echo up; exec sleep 60'], {
    runtime: await open(),
    logger: silent,
    ready: /^up$/,
    inspect,
  })
  onEnd(() => kept.stop())
  await kept.whenReady()
  const first = kept.pid ?? 0
  process.kill(first, 'SIGKILL')
  await until(() => kept.status === 'running' && kept.pid !== first, 'it runs again')
  await kept.stop()
  expect(states).toEqual([...LIFE, ...LIFE])
})

test('a program that is stopped before it is there has never been active', async () => {
  const { states, inspect } = inspected()
  const logic = fromProgram('sleep', ['60'], { runtime: await open(), ready: /^never$/ })
  const actor = createActor(logic, { inspect })
  actor.start()
  actor.send({ type: 'supervisor.shutdown' })
  expect(actor.getSnapshot()).toMatchObject({ phase: 'stopping', pid: undefined })
  await waitFor(actor, ({ status }) => status !== 'active').catch(() => undefined)
  expect(states).toEqual(['reserved', 'terminating', 'terminated'])
})
