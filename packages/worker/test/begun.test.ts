import { existsSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { openRuntime } from '@terrarium/process'
import { systemClock, TerrariumError } from '@terrarium/supervisor/base'
import { createWorkerLogic, encode, SessionServer } from '@terrarium/worker'
import { createActor } from 'xstate'
import { eventually, habitat, testPython } from '../../../test/support/terrarium.ts'
import { encoded } from './bare.ts'
import { TRANSPORTS } from './present.ts'

const SOURCE = `
import os, signal, time
from terrarium import tool

@tool
def quick(value: int) -> int:
    return value

@tool
def hold(path: str) -> None:
    open(path, 'w').close()
    time.sleep(600)

@tool
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

@tool
async def wait(path: str) -> None:
    import asyncio
    open(path, 'w').close()
    await asyncio.sleep(600)
`

type Transport = (typeof TRANSPORTS)[number]

/** A worker that is ready, and what its calls come to. `over` resolves with that when the worker is dead. */
async function started(transport: Transport) {
  const home = habitat()
  const { logger, stateDir } = home.common
  const python = testPython()
  const runtime = await openRuntime({ python, stateDir, logger })
  const server = await SessionServer.listen(runtime.directory)
  const logic = createWorkerLogic({ runtime, server, logger, clock: systemClock })
  const tools = [home.file('tools.py', SOURCE)]
  const worker = createActor(logic, { input: { name: 'begun/worker-1', python, tools, transport } })
  worker.subscribe({ error: () => undefined })
  worker.start()
  await eventually('it is ready', () => worker.getSnapshot().matches('active'))
  const { session, pid = 0 } = worker.getSnapshot().context
  if (session === undefined) throw new Error('no session')
  const told: unknown[] = []
  const call = (tool: string, args: object): void => {
    const index = told.length
    told.push('open')
    session.call(tool, encoded(encode(args)), 0, {
      settled: (outcome) => {
        told[index] = 'value' in outcome ? outcome.value : outcome.notBegun ? 'not begun' : 'begun'
      },
    })
  }
  const over = async (): Promise<unknown[]> => {
    await eventually('it is dead', () => worker.getSnapshot().status !== 'active')
    session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
    server.close()
    expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
    return told
  }
  return { home, session, pid, call, over }
}

test.each(TRANSPORTS)('by %s: after a SIGKILL it is certain which calls had begun', async (transport) => {
  const { home, session, pid, call, over } = await started(transport)
  expect(session.reportsBegun).toBe(true)
  const [sync, concurrent] = [`${home.directory}/sync`, `${home.directory}/async`]
  call('quick', { value: 1 })
  call('hold', { path: sync })
  for (let value = 0; value < 9; value++) call('quick', { value })
  call('wait', { path: concurrent })
  await eventually('both tools run', () => existsSync(sync) && existsSync(concurrent))
  process.kill(pid, 'SIGKILL')
  expect(await over()).toEqual([1, 'begun', ...Array<string>(9).fill('not begun'), 'begun'])
})

// On gRPC another thread of Python sends, which may not have had its turn yet.
test('by socket: what was answered before the death is received', async () => {
  const { call, over } = await started('socket')
  call('quick', { value: 1 })
  call('die', {})
  call('quick', { value: 3 })
  expect(await over()).toEqual([1, 'begun', 'not begun'])
})
