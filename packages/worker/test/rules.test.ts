import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { openRuntime, type OsProcess, type Runtime } from '@terrarium/process'
import { systemClock } from '@terrarium/supervisor/base'
import { createWorkerLogic, decode, encode, SessionServer, type Transport, type WorkerInput } from '@terrarium/worker'
import { createActor } from 'xstate'
import { fromMessage } from '../src/grpc/frames.ts'
import { eventually, habitat, isAlive, stateOf, testPython, TOOLS } from '../../../test/support/terrarium.ts'
import { bareSession, hello } from './bare.ts'
import { present, TRANSPORTS } from './present.ts'

async function dependencies(transport: Transport) {
  const home = habitat()
  const { logger, stateDir } = home.common
  const python = testPython()
  const runtime = await openRuntime({ python, stateDir, logger })
  const server = await SessionServer.listen(runtime.directory)
  const close = async () => {
    server.close()
    return runtime.close()
  }
  const start = (tools: string, through: Runtime = runtime) => {
    const logic = createWorkerLogic({ runtime: through, server, logger, clock: systemClock })
    const input: WorkerInput = { name: 'rules/worker-1', python, tools: [tools], transport }
    const worker = createActor(logic, { input })
    // The worker ends with an error, which has to be heard.
    worker.subscribe({ error: () => undefined })
    return worker.start()
  }
  return { home, runtime, server, start, close }
}

/** A process whose boot report arrives only after the news of its exit. */
function reportedLate(spawned: OsProcess): OsProcess {
  const report = new PassThrough()
  const chunks: Buffer[] = []
  spawned.report.on('data', (chunk: Buffer) => chunks.push(chunk))
  void spawned.exited.then(() => {
    setTimeout(() => report.end(Buffer.concat(chunks)), 200)
  })
  return new Proxy(spawned, {
    get: (target, key) => {
      if (key === 'report') return report
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

describe.each(TRANSPORTS)('by %s', (transport) => {
  test('F8: what the boot report says counts, although the exit is told first', async () => {
    const { home, runtime, start, close } = await dependencies(transport)
    const late = Object.create(runtime, {
      spawn: {
        value: async (request: Parameters<Runtime['spawn']>[0]) => reportedLate(await runtime.spawn(request)),
      },
    }) as Runtime
    const worker = start(home.file('tools.py', 'import nosuch_module\n'), late)
    await eventually('it is over', () => worker.getSnapshot().status !== 'active')
    expect(worker.getSnapshot().context.reason).toMatchObject({
      type: 'error',
      error: { code: 'CONFIGURATION', details: { module: 'nosuch_module' } },
    })
    expect(await close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  })

  test('F8: the token of a worker that has exited without using it opens no session', async () => {
    const { home, start, close } = await dependencies(transport)
    const copy = join(home.directory, 'environ')
    // The bootstrap takes the token out of the environment; the kernel still shows what it began with.
    const source = `import os\nopen(${JSON.stringify(copy)}, 'wb').write(open('/proc/self/environ', 'rb').read())\nos._exit(3)\n`
    const worker = start(home.file('tools.py', source))
    await eventually('it is over', () => worker.getSnapshot().status !== 'active')
    const [, said = ''] = /TERRARIUM_BOOT=([^\0]*)/.exec(readFileSync(copy, 'utf8')) ?? []
    const { socket, token } = JSON.parse(said) as { socket: string; token: string }
    expect(token).toMatch(/^[0-9a-f]{32}$/)
    expect(await present(socket, token, transport)).toBe('no worker is expected with this token')
    await close()
  })

  test('F8: a worker whose session is gone and whose process stays is mute, and is killed', async () => {
    const { start, close } = await dependencies(transport)
    const worker = start(TOOLS)
    await eventually('it is ready', () => worker.getSnapshot().matches('active'))
    const { pid = 0, session } = worker.getSnapshot().context
    process.kill(pid, 'SIGSTOP')
    await eventually('it is stopped', () => stateOf(pid) === 'T')
    session?.close()
    await eventually('it is over', () => worker.getSnapshot().status !== 'active')
    expect(isAlive(pid)).toBe(false)
    expect(worker.getSnapshot().context.reason).toMatchObject({
      type: 'error',
      error: { code: 'WORKER_CRASHED', details: { pid, signal: 'SIGKILL' } },
    })
    expect(await close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  })
})

const FLOATS = [0xca, 0xcb]
const powers = Array.from({ length: 53 }, (_, exponent) => 2 ** exponent)
const integers = powers.flatMap((power) => [power - 1, power, 1 - power, -power, -power - 1])

test('F8: every integer that JavaScript has exactly travels as an integer, and comes back as the same number', () => {
  for (const integer of [...integers, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    const bytes = encode(integer)
    expect({ integer, isFloat: FLOATS.includes(bytes[0] ?? 0) }).toEqual({ integer, isFloat: false })
    expect(decode(bytes)).toBe(integer === 0 ? 0 : integer)
  }
})

test('a second Hello, and a frame of an unknown kind, are protocol errors: the first Hello is welcomed', () => {
  const { session, sent } = bareSession()
  session.receive(hello())
  expect(sent).toMatchObject([{ kind: 'welcome' }])
  expect(() => {
    session.receive(hello())
  }).toThrow('a second Hello')
  expect(() => fromMessage({ kind: undefined })).toThrow('a frame of a kind that this version does not know')
})
