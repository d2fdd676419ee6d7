import { describe, expect, test } from '@jest/globals'
import { openRuntime, type Runtime } from '@terrarium/process'
import { systemClock } from '@terrarium/supervisor/base'
import { createWorkerLogic, resolveInterpreter, SessionServer, type Transport } from '@terrarium/worker'
import { createActor } from 'xstate'
import { eventually, habitat, TOOLS } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from './present.ts'

async function dependencies(transport: Transport) {
  const home = habitat()
  const { path } = await resolveInterpreter(home.common.python)
  const { logger, stateDir } = home.common
  const runtime = await openRuntime({ python: path, stateDir, logger })
  const server = await SessionServer.listen(runtime.directory)
  const close = async () => {
    server.close()
    return runtime.close()
  }
  const input = { name: 'text/worker-1', python: path, tools: [TOOLS], transport }
  return { home, runtime, server, logger, input, close }
}

describe.each(TRANSPORTS)('by %s', (transport) => {
  test('a worker whose session opens before the host knows of its process becomes ready all the same', async () => {
    const { home, runtime, server, logger, input, close } = await dependencies(transport)
    let sessions = 0
    const late: Runtime = Object.create(runtime, {
      spawn: {
        value: async (request: Parameters<Runtime['spawn']>[0]) => {
          const spawned = await runtime.spawn(request)
          await eventually('its session is open', () => sessions === 1)
          return spawned
        },
      },
    }) as Runtime
    const announce = server.expect.bind(server)
    server.expect = (accept, by) =>
      announce((session) => {
        accept(session)
        session.once('ready', () => (sessions += 1))
      }, by)
    const logic = createWorkerLogic({ runtime: late, server, logger, clock: systemClock })
    const worker = createActor(logic, { input })
    const states: string[] = []
    worker.subscribe(({ value }) => states.push(typeof value === 'string' ? value : 'terminating'))
    worker.start()
    await eventually('it is ready', () => worker.getSnapshot().matches('active'))
    expect(worker.getSnapshot().context).toMatchObject({ pid: home.workers()[0], tools: expect.anything() })
    worker.send({ type: 'supervisor.shutdown' })
    await eventually('it is over', () => worker.getSnapshot().status === 'done')
    expect([...new Set(states)]).toEqual([
      'reserved',
      'spawning',
      'awaitingReady',
      'active',
      'terminating',
      'terminated',
    ])
    expect(await close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  })
})
