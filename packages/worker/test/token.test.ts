import { rmSync } from 'node:fs'
import grpc from '@grpc/grpc-js'
import { expect, test } from '@jest/globals'
import { openRuntime } from '@terrarium/process'
import { systemClock } from '@terrarium/supervisor/base'
import { createWorkerLogic, resolveInterpreter, SessionServer } from '@terrarium/worker'
import { createActor } from 'xstate'
import { HostServiceService, type SessionRequest, type SessionResponse } from '../src/generated/terrarium/v1/session.ts'
import { eventually, habitat, TOOLS } from '../../../test/support/terrarium.ts'

/** Presents a token; answers with what status the stream ends. */
async function present(server: SessionServer, token: string): Promise<grpc.StatusObject> {
  const { path, requestSerialize, responseDeserialize } = HostServiceService.session
  const client = new grpc.Client(`unix:${server.path}`, grpc.credentials.createInsecure())
  const stream = client.makeBidiStreamRequest<SessionRequest, SessionResponse>(
    path,
    requestSerialize,
    responseDeserialize,
  )
  stream.on('data', () => undefined).on('error', () => undefined)
  const status = new Promise<grpc.StatusObject>((resolve) => stream.on('status', resolve))
  const value = { protocolVersion: 1, token, pid: 1, packageVersion: '0.1.0', pythonVersion: '3', reportsBegun: false }
  stream.write({ seq: 1, ack: 0, frames: [{ kind: { $case: 'hello', value } }] })
  const answer = await status
  client.close()
  return answer
}

test.each([
  ['that never dialled', 'import os\nos._exit(3)\n'],
  ['that was asked to end while it started', 'import time\ntime.sleep(60)\n'],
])('the token of a worker %s is worth nothing after its exit', async (what, source) => {
  const home = habitat()
  const { path } = await resolveInterpreter(home.common.python)
  const { logger, stateDir } = home.common
  const runtime = await openRuntime({ python: path, stateDir, logger })
  const server = await SessionServer.listen(runtime.directory)
  const tokens: string[] = []
  const announce = server.expect.bind(server)
  server.expect = (accept) => {
    const announced = announce(accept)
    tokens.push(announced.token)
    return announced
  }
  const logic = createWorkerLogic({ runtime, server, logger, clock: systemClock })
  const input = { name: 'text/worker-1', python: path, tools: [home.file('tools.py', source)] }
  const worker = createActor(logic, { input }).start()
  if (what.includes('asked')) {
    await eventually('it starts', () => worker.getSnapshot().matches('awaitingReady'))
    expect(home.workers()).toHaveLength(1)
    worker.send({ type: 'supervisor.shutdown' })
  }
  await eventually('it is over', () => worker.getSnapshot().status !== 'active')
  expect(tokens).toHaveLength(1)
  expect(await present(server, tokens[0] ?? '')).toMatchObject({
    code: grpc.status.UNAUTHENTICATED,
    details: 'no worker is expected with this token',
  })
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
  const input = { name: 'text/worker-1', python: path, tools: [TOOLS] }
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
