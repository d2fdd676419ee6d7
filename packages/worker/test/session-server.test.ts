import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import grpc from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import {
  HostServiceService,
  type FailureCode,
  type SessionRequest,
  type SessionResponse,
} from '../src/generated/terrarium/v1/session.ts'
import { encode } from '../src/values/codec.ts'
import { PROTOCOL_VERSION } from '../src/version.ts'
import { SessionServer } from '../src/session-server.ts'
import type { Session } from '../src/session.ts'
import { encoded } from './bare.ts'

let directory: string
let server: SessionServer
const clients: grpc.Client[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'terrarium-test-'))
  server = await SessionServer.listen(directory)
})

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
  server.close()
  rmSync(directory, { recursive: true })
})

function dial() {
  const { path, requestSerialize, responseDeserialize } = HostServiceService.session
  const client = new grpc.Client(`unix:${server.path}`, grpc.credentials.createInsecure())
  clients.push(client)
  const stream = client.makeBidiStreamRequest<SessionRequest, SessionResponse>(
    path,
    requestSerialize,
    responseDeserialize,
  )
  const received: SessionResponse[] = []
  stream.on('data', (message: SessionResponse) => received.push(message))
  const ended = new Promise<grpc.StatusObject>((resolve) => {
    stream.on('error', () => undefined)
    stream.on('status', resolve)
  })
  return { stream, received, ended }
}

const hello = (token: string, protocolVersion = PROTOCOL_VERSION): SessionRequest => ({
  seq: 1,
  ack: 0,
  frames: [
    {
      kind: {
        $case: 'hello',
        value: { protocolVersion, token, pid: 1, packageVersion: '0.1.0', pythonVersion: '3', reportsBegun: false },
      },
    },
  ],
})

test('I17: only this user can reach the socket', () => {
  expect(statSync(server.path).mode & 0o077).toBe(0)
})

test('a worker with its token is welcomed', async () => {
  const accepted = new Promise<Session>((resolve) => {
    const { token } = server.expect(resolve, 'grpc')
    dial().stream.write(hello(token))
  })
  expect((await accepted).pid).toBe(1)
})

test('the first frame back is Welcome with the version and the longest message', async () => {
  const { token } = server.expect(() => undefined, 'grpc')
  const { stream, received } = dial()
  stream.write(hello(token))
  await new Promise((resolve) => stream.once('data', resolve))
  expect(received[0]?.frames[0]?.kind).toEqual({
    $case: 'welcome',
    value: { protocolVersion: PROTOCOL_VERSION, maxMessageBytes: 256 * 1024 * 1024 },
  })
})

test('I17: a worker without a token, or with a used or withdrawn token, is turned away', async () => {
  const used = server.expect(() => undefined, 'grpc')
  dial().stream.write(hello(used.token))
  const forgotten = server.expect(() => undefined, 'grpc')
  forgotten.forget(false)
  await new Promise((resolve) => setImmediate(resolve))
  for (const token of ['', 'guess', forgotten.token]) {
    const { stream, ended } = dial()
    stream.write(hello(token))
    expect(await ended).toMatchObject({ code: grpc.status.UNAUTHENTICATED })
  }
})

test('a token opens one session only', async () => {
  const { token } = server.expect(() => undefined, 'grpc')
  const first = dial()
  first.stream.write(hello(token))
  await new Promise((resolve) => first.stream.once('data', resolve))
  const second = dial()
  second.stream.write(hello(token))
  expect(await second.ended).toMatchObject({ code: grpc.status.UNAUTHENTICATED })
})

test('another protocol version is refused with both versions named, and the token stays good', async () => {
  const { token } = server.expect(() => undefined, 'grpc')
  const { stream, ended } = dial()
  stream.write(hello(token, 1))
  const status = await ended
  expect(status.code).toBe(grpc.status.FAILED_PRECONDITION)
  expect(status.details).toMatch(/version 4 of the protocol, the worker \(package 0\.1\.0\) speaks 1/)
})

test('a session that does not begin with Hello, or breaks the numbering, ends in a protocol error', async () => {
  const mute = dial()
  mute.stream.write({ seq: 1, ack: 0, frames: [{ kind: { $case: 'pong', value: { nonce: 1, running: 0 } } }] })
  expect(await mute.ended).toMatchObject({ code: grpc.status.INVALID_ARGUMENT })

  const { token } = server.expect(() => undefined, 'grpc')
  const skipping = dial()
  skipping.stream.write(hello(token))
  skipping.stream.write({ seq: 5, ack: 0, frames: [] })
  const status = await skipping.ended
  expect(status).toMatchObject({ code: grpc.status.INVALID_ARGUMENT })
  expect(status.details).toContain('message 5 follows 1')
})

test('the session closes when the worker hangs up', async () => {
  const { stream } = dial()
  const session = await new Promise<Session>((resolve) => {
    const { token } = server.expect(resolve, 'grpc')
    stream.write(hello(token))
  })
  const closed = new Promise<void>((resolve) =>
    session.once('closed', () => {
      resolve()
    }),
  )
  stream.cancel()
  await closed
  expect(session.closed).toBe(true)
})

test('C3: a failure code that this version does not know settles its call, and the session goes on', async () => {
  const { stream } = dial()
  const welcomed = new Promise((resolve) => stream.once('data', resolve))
  const session = await new Promise<Session>((resolve) => {
    const { token } = server.expect(resolve, 'grpc')
    stream.write(hello(token))
  })
  await welcomed
  const tools = ['first', 'second'].map((name) => ({
    name,
    isAsync: false,
    isStream: false,
    summary: '',
    signature: '',
    doc: '',
    kind: '',
    batch: 0,
  }))
  const isReady = new Promise((resolve) => session.once('ready', resolve))
  const acknowledged = new Promise((resolve) => stream.once('data', resolve))
  stream.write({ seq: 2, ack: 1, frames: [{ kind: { $case: 'ready', value: { tools } } }] })
  await Promise.all([isReady, acknowledged])
  const outcome = (tool: string): { id: number; settled: Promise<unknown> } => {
    let id = 0
    const settled = new Promise(
      (resolve) => (id = session.call(tool, encoded(Buffer.alloc(0)), 0, { settled: resolve })),
    )
    return { id, settled }
  }
  const [first, second] = [outcome('first'), outcome('second')]
  const failure = {
    id: first.id,
    code: JSON.parse('99') as FailureCode,
    type: 'Novelty',
    message: 'of a later version',
    traceback: 'tb',
    hint: '',
    place: '',
    notBegun: false,
    attributes: Buffer.alloc(0),
  }
  stream.write({ seq: 3, ack: 1, frames: [{ kind: { $case: 'failure', value: failure } }] })
  expect(await first.settled).toMatchObject({
    error: {
      code: 'PYTHON_ERROR',
      message: 'of a later version (failure code 99, which this host does not know)',
      hint: 'The worker is newer than this host: use the Node packages and the Python package of one release.',
      details: { failureCode: 99, type: 'Novelty', traceback: 'tb' },
    },
  })
  const value = { id: second.id, value: encode('served') }
  stream.write({ seq: 4, ack: 1, frames: [{ kind: { $case: 'result', value } }] })
  expect(await second.settled).toEqual({ value: 'served' })
  expect(session.closed).toBe(false)
})
