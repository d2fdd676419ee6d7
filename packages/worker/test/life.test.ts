import { expect, test } from '@jest/globals'
import { fromProgram, openRuntime } from '@terrarium/process'
import { systemClock } from '@terrarium/supervisor/base'
import { createWorkerLogic, resolveInterpreter, SessionServer } from '@terrarium/worker'
import { createActor, type AnyActorRef, type InspectionEvent } from 'xstate'
import { eventually, habitat, TOOLS } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from './present.ts'

/** The states of an actor that an inspector has seen, without repetitions. */
function inspected() {
  const states: string[] = []
  const inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.microstep' && event.type !== '@xstate.snapshot') return
    const { value } = event.snapshot as { value?: string | object }
    if (value === undefined) return // the driver
    const state = typeof value === 'string' ? value : String(Object.keys(value)[0])
    if (states.at(-1) !== state) states.push(state)
  }
  return { states, inspect }
}

test.each(TRANSPORTS)('a program and a worker by %s go through the same states in the inspector', async (transport) => {
  const home = habitat()
  const { path: python } = await resolveInterpreter(home.common.python)
  const { logger, stateDir } = home.common
  const runtime = await openRuntime({ python, stateDir, logger })
  const server = await SessionServer.listen(runtime.directory)

  const isReady = (actor: AnyActorRef): boolean => (actor.getSnapshot() as { value: unknown }).value === 'active'
  const isOver = (actor: AnyActorRef): boolean => (actor.getSnapshot() as { status: string }).status === 'done'
  const live = async (actor: AnyActorRef): Promise<void> => {
    actor.start()
    await eventually('it is ready', () => isReady(actor))
    actor.send({ type: 'supervisor.shutdown' })
    await eventually('it is over', () => isOver(actor))
  }

  const ofWorker = inspected()
  const worker = createWorkerLogic({ runtime, server, logger, clock: systemClock })
  const input = { name: 'text/worker-1', python, tools: [TOOLS], transport }
  await live(createActor(worker, { input, inspect: ofWorker.inspect }))

  const ofProgram = inspected()
  const program = fromProgram('sh', ['-c', 'echo up; exec sleep 60'], { runtime, ready: /^up$/ })
  await live(createActor(program, { inspect: ofProgram.inspect }))

  const five = ['reserved', 'spawning', 'awaitingReady', 'active', 'terminating']
  expect(ofWorker.states).toEqual([...five, 'terminated'])
  expect(ofProgram.states).toEqual(ofWorker.states)
  server.close()
  expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
})
