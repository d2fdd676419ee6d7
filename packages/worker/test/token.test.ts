import { rmSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { openRuntime } from '@terrarium/process'
import { systemClock } from '@terrarium/supervisor/base'
import { createWorkerLogic, resolveInterpreter, SessionServer } from '@terrarium/worker'
import { createActor } from 'xstate'
import { eventually, habitat, TOOLS } from '../../../test/support/terrarium.ts'
import { present, TRANSPORTS } from './present.ts'

describe.each(TRANSPORTS)('by %s', (transport) => {
  test.each([
    ['that never dialled', 'import os\nos._exit(3)\n'],
    ['that was asked to end while it started', 'import time\ntime.sleep(60)\n'],
  ])('the token of a worker %s admits no session after its exit', async (what, source) => {
    const home = habitat()
    const { path } = await resolveInterpreter(home.common.python)
    const { logger, stateDir } = home.common
    const runtime = await openRuntime({ python: path, stateDir, logger })
    const server = await SessionServer.listen(runtime.directory)
    const tokens: string[] = []
    const announce = server.expect.bind(server)
    server.expect = (accept, by) => {
      const announced = announce(accept, by)
      tokens.push(announced.token)
      return announced
    }
    const logic = createWorkerLogic({ runtime, server, logger, clock: systemClock })
    const input = { name: 'text/worker-1', python: path, tools: [home.file('tools.py', source)], transport }
    const worker = createActor(logic, { input }).start()
    if (what.includes('asked')) {
      await eventually('it starts', () => worker.getSnapshot().matches('awaitingReady'))
      expect(home.workers()).toHaveLength(1)
      worker.send({ type: 'supervisor.shutdown' })
    }
    await eventually('it is over', () => worker.getSnapshot().status !== 'active')
    expect(tokens).toHaveLength(1)
    expect(await present(server.path, tokens[0] ?? '', transport)).toBe('no worker is expected with this token')
    server.close()
    expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  })

  test('a socket whose name was removed has another one for the next worker', async () => {
    const home = habitat()
    const { path } = await resolveInterpreter(home.common.python)
    const { logger, stateDir } = home.common
    const runtime = await openRuntime({ python: path, stateDir, logger })
    const ensureDirectory = (): void => {
      runtime.ensureDirectory()
    }
    const server = await SessionServer.listen(runtime.directory, { ensureDirectory })
    const logic = createWorkerLogic({ runtime, server, logger, clock: systemClock })
    const input = { name: 'text/worker-1', python: path, tools: [TOOLS], transport }
    const paths: string[] = []
    for (let round = 0; round < 3; round++) {
      paths.push(server.path)
      const worker = createActor(logic, { input }).start()
      await eventually('it is ready', () => worker.getSnapshot().matches('active'))
      worker.send({ type: 'supervisor.shutdown' })
      await eventually('it is over', () => worker.getSnapshot().status === 'done')
      if (round > 0) rmSync(round === 1 ? server.path : runtime.directory, { recursive: true })
      await server.ensure()
    }
    paths.push(server.path)
    expect(paths.map((each) => each.slice(runtime.directory.length + 1))).toEqual([
      'host.sock',
      'host.sock',
      'h2.sock',
      'h3.sock',
    ])
    server.close()
    expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  })
})
