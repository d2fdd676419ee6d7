import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Announcement } from '../src/reception.ts'
import type { Session } from '../src/session.ts'
import { decode, encode } from '../src/values/codec.ts'
import { PROTOCOL_VERSION } from '../src/version.ts'
import { eventually } from '../../../test/support/terrarium.ts'
import { encoded } from './bare.ts'
import {
  apart,
  failureBytes,
  framesIn,
  helloBytes,
  pongBytes,
  preamble,
  raw,
  readyBytes,
  resultBytes,
  split,
} from './lane-bytes.ts'
import { listening } from './listening.ts'

const peers: Socket[] = []
const ignore = (): void => undefined
const here = listening(() => {
  for (const peer of peers.splice(0)) peer.destroy()
})

/** A connection, and all that the host has sent on it. */
function dial() {
  const socket = connect(here.server.path).on('error', ignore)
  peers.push(socket)
  const heard: Buffer[] = []
  socket.on('data', (chunk) => heard.push(chunk))
  const ended = new Promise<void>((resolve) =>
    socket.once('close', () => {
      resolve()
    }),
  )
  const said = (): Buffer => Buffer.concat(heard)
  const frames = (): ReturnType<typeof framesIn> => framesIn(said())
  return { socket, said, frames, ended }
}

/** A worker that has said Hello, and more. */
async function greeted(more: Buffer[] = [readyBytes('echo', 'other')], hello: object = {}) {
  const peer = dial()
  const faults: (string | undefined)[] = []
  let announced: Announcement | undefined
  const session = await new Promise<Session>((resolve) => {
    announced = here.server.expect((opened) => {
      opened.once('closed', (fault) => faults.push(fault))
      resolve(opened)
    }, 'socket')
    peer.socket.write(Buffer.concat([preamble(), helloBytes({ token: announced.token, ...hello }), ...more]))
  })
  const outcome = (tool: string, args: unknown = {}): Promise<unknown> =>
    new Promise((resolve) => session.call(tool, encoded(encode(args)), 0, { settled: resolve }))
  const isCalled = (count: number): Promise<void> =>
    eventually('it is called', () => peer.frames().filter(({ kind }) => kind === 18).length === count)
  if (announced === undefined) throw new Error('nothing was announced')
  return { ...peer, session, faults, outcome, isCalled, announced }
}

test('a worker may spin while this process has fewer workers than processors', async () => {
  const others: Awaited<ReturnType<typeof greeted>>[] = []
  const one = await greeted()
  const lastCall = () => one.frames().findLast(({ kind }) => kind === 18)
  while (others.length < availableParallelism()) {
    const { length } = others
    void one.outcome('echo')
    await one.isCalled(length + 1)
    expect(lastCall()?.flags).toBe(length + 1 < availableParallelism() ? 4 : 0)
    others.push(await greeted())
  }
  for (const { session } of others) session.close()
  void one.outcome('echo')
  await one.isCalled(others.length + 1)
  expect(lastCall()?.flags).toBe(availableParallelism() > 1 ? 4 : 0)
})

test('a worker with its token is welcomed, and serves calls', async () => {
  const { socket, session, frames, outcome, isCalled } = await greeted()
  expect(session.pid).toBe(7)
  const [one, two, three] = [outcome('other', { n: 1 }), outcome('echo'), outcome('echo')]
  await isCalled(3)
  expect(frames().map(({ kind, code, id }) => [kind, code, id])).toEqual([
    [16, 0, 0],
    [18, 1, 1],
    [18, 0, 2],
    [18, 0, 3],
  ])
  expect(frames().map(({ body }) => decode(body))).toEqual([{ maxBytes: 2 ** 28 }, { n: 1 }, {}, {}])
  const [long] = [Buffer.alloc(3_000_000, 'long')]
  socket.write(Buffer.concat([resultBytes(2, 'two'), failureBytes(3, 4, { notBegun: true })]))
  for (const part of split({ kind: 3, id: 1, body: encode(long) }, 6, 1_000_000, 1_048_576)) socket.write(part)
  expect(await two).toEqual({ value: 'two' })
  expect(await three).toMatchObject({ error: { code: 'CANCELLED' }, notBegun: true })
  // Not toEqual: jest compares bytes one at a time, which takes seconds here.
  const { value } = (await one) as { value: Buffer }
  expect(long.equals(value)).toBe(true)
})

test('a Ping is answered, and what arrives counts as life', async () => {
  const { socket, session, frames } = await greeted()
  const before = session.received
  session.ping(5)
  await eventually('it is asked', () => frames().some(({ kind, id }) => kind === 20 && id === 5))
  const pong = new Promise((resolve) =>
    session.once('pong', (...told) => {
      resolve(told)
    }),
  )
  socket.write(pongBytes(5, 3))
  expect(await pong).toEqual([5, 3])
  expect(session.received).toBeGreaterThan(before)
})

test('6: preamble and Hello may come in pieces', async () => {
  const peer = dial()
  const accepted = new Promise<Session>((resolve) => {
    const { token } = here.server.expect(resolve, 'socket')
    const bytes = Buffer.concat([preamble(), helloBytes({ token })])
    void (async () => {
      for (const byte of bytes) {
        peer.socket.write(Buffer.from([byte]))
        await new Promise((next) => setImmediate(next))
      }
    })()
  })
  expect((await accepted).closed).toBe(false)
})

test('another version is refused with both versions, and so is an unknown token; the reason is sent', async () => {
  const { token } = here.server.expect(ignore, 'socket')
  const cases = [
    [preamble(PROTOCOL_VERSION + 1), 1, `this host speaks version ${PROTOCOL_VERSION} of the protocol, the worker speaks ${PROTOCOL_VERSION + 1}`], // prettier-ignore
    [preamble(0x4142), 1, `this host speaks version ${PROTOCOL_VERSION} of the protocol, the worker speaks 16706`],
    [Buffer.concat([preamble(), helloBytes({ token: 'guess' })]), 2, 'no worker is expected with this token'], // prettier-ignore
  ] as const
  for (const [bytes, code, message] of cases) {
    const peer = dial()
    peer.socket.write(bytes)
    await peer.ended
    expect(peer.said().subarray(0, 8)).toEqual(preamble())
    const [refused] = peer.frames()
    expect(refused).toMatchObject({ kind: 17, code })
    expect(decode(refused?.body ?? Buffer.alloc(0))).toEqual({ message })
  }
  // The token is still good.
  const late = dial()
  late.socket.write(Buffer.concat([preamble(), helloBytes({ token })]))
  await eventually('it is welcomed', () => late.said().length > 8)
  expect(late.frames()).toMatchObject([{ kind: 16 }])
})

test('a token admits one session, and none once it is forgotten or for another transport', async () => {
  const { announced } = await greeted()
  const forgotten = here.server.expect(ignore, 'socket')
  forgotten.forget(false)
  const other = here.server.expect(ignore, 'grpc')
  for (const [token, code] of [
    [announced.token, 2],
    [forgotten.token, 2],
    [other.token, 1],
  ] as const) {
    const peer = dial()
    peer.socket.write(Buffer.concat([preamble(), helloBytes({ token })]))
    await peer.ended
    expect(peer.frames()).toMatchObject([{ kind: 17, code }])
  }
})

test.each<[string, Buffer, string]>([
  ['another first frame', Buffer.concat([preamble(), readyBytes('a')]), 'the first frame of a session must be Hello'],
  [
    'a long Hello',
    Buffer.concat([preamble(), raw({ kind: 1, length: 65_537 })]),
    'a Hello of 65537 bytes, more than 65536',
  ],
  [
    'a Hello that is no msgpack',
    Buffer.concat([preamble(), raw({ kind: 1, body: Buffer.from([0xc1]) })]),
    'a Hello: it is not what a worker sends: no value begins with 0xc1',
  ],
  ['a preamble that does not end in 0', preamble(PROTOCOL_VERSION, 1), 'a preamble that does not end in 0'],
])('a stranger that sends %s is ended, and that is told', async (_, bytes, why) => {
  const peer = dial()
  peer.socket.write(bytes)
  await peer.ended
  expect(here.warnings).toEqual([expect.stringMatching(new RegExp(`${why}$`))])
  expect(peer.said().length).toBe(0)
})

test('a connection that begins with neither transport is ended, once for all that is told', async () => {
  for (const nonsense of ['GET / HTTP/1.1', 'PRX', 'TRm\x1a', '\0']) {
    const peer = dial()
    peer.socket.write(nonsense)
    await peer.ended
  }
  expect(here.warnings).toEqual([expect.stringContaining('a connection began with bytes that no worker sends')])
})

test.each<[string, Buffer, RegExp]>([
  ['an unknown kind', raw({ kind: 77 }), /a frame of a kind that this version does not know/],
  ['a length over the limit', raw({ kind: 3, length: 2 ** 31 }), /a Result with a body of 2147483648 bytes/],
  ['an answer to no call', resultBytes(9, 1), /an answer to call 9, which is not open/],
  ['a second Hello', helloBytes(), /a second Hello/],
  ['a Pong without a Ping', pongBytes(1), /a Pong that was not asked for/],
])('a worker that sends %s: its session is closed for that, and its connection is ended', async (_, bytes, fault) => {
  const { socket, faults, ended, session } = await greeted()
  socket.write(bytes)
  await ended
  expect(faults).toEqual([expect.stringMatching(fault)])
  expect(session.closed).toBe(true)
})

test('a worker that hangs up has broken nothing, also in the middle of a frame', async () => {
  for (const rest of [Buffer.alloc(0), raw({ kind: 3, id: 1, length: 100 }), Buffer.alloc(7)]) {
    const { socket, faults } = await greeted()
    socket.end(rest)
    await eventually('its session is closed', () => faults.length === 1)
    expect(faults).toEqual([undefined])
  }
})

test('a session that the host closes ends for the worker', async () => {
  const { session, ended } = await greeted()
  session.close()
  await ended
})

test('segments arrive in memory of their own', async () => {
  const { socket, outcome, isCalled } = await greeted()
  const call = outcome('echo')
  await isCalled(1)
  const reference = Buffer.from('d60800000000', 'hex')
  socket.write(raw({ kind: 3, flags: 1, id: 1, body: apart(reference, Buffer.alloc(70_000, 1)) }))
  const { value } = (await call) as { value: Buffer }
  expect(value.equals(Buffer.alloc(70_000, 1))).toBe(true)
  expect([value.byteOffset, value.buffer.byteLength]).toEqual([0, 70_000])
})

test('what a worker has answered before it died is received, although writing to it fails', async () => {
  const { socket, session, faults, outcome, isCalled } = await greeted()
  const calls = Array.from({ length: 4 }, (_, n) => outcome('echo', { n }))
  await isCalled(4)
  const long = Buffer.alloc(60_000, 'answer')
  for (let id = 1; id <= 3; id++) socket.write(resultBytes(id, long))
  await new Promise((resolve) => setImmediate(resolve))
  socket.destroy() // its end is closed in the kernel, and this host has not looked
  session.call('echo', encoded(encode({})), 0, { settled: ignore })
  session.ping(1)
  await eventually('the session is closed', () => faults.length === 1)
  expect(await Promise.all(calls.slice(0, 3))).toEqual([{ value: long }, { value: long }, { value: long }])
  expect(session.inFlight).toBe(2)
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  expect(await calls[3]).toMatchObject({ error: { code: 'WORKER_CRASHED' } })
  await here.clock.advance(25) // the last look at connections without a token
  await eventually('its connection is closed', () => here.clock.pending === 0)
})

test('the page of begun calls: its name goes with Hello, and it is read when the worker is dead', async () => {
  const pages = (): string[] => readdirSync(here.directory).filter((name) => name.startsWith('begun'))
  const early = here.server.expect(ignore, 'socket')
  expect(pages()).toHaveLength(1)
  early.forget(false)
  expect(pages()).toEqual([])
  const { session, announced, outcome, isCalled } = await greeted(undefined, { begun: true })
  expect(pages()).toEqual([])
  expect(session.reportsBegun).toBe(true)
  const calls = [outcome('echo'), outcome('echo')]
  await isCalled(2)
  session.close()
  announced.forget(true)
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  expect(await Promise.all(calls)).toMatchObject([{ notBegun: true }, { notBegun: true }])
  expect((await greeted()).session.reportsBegun).toBe(false)
})

test('connections that have not presented a token end after their time', async () => {
  const [silent, magic, half] = [dial(), dial(), dial()]
  magic.socket.write(preamble())
  half.socket.write(Buffer.concat([preamble(), raw({ kind: 1, length: 100 })]))
  await eventually('all are open', () => here.clock.pending >= 4)
  await here.clock.advance(29_999)
  expect(peers.some(({ destroyed }) => destroyed)).toBe(false)
  await here.clock.advance(1)
  await Promise.all([silent.ended, magic.ended, half.ended])
  expect(here.clock.pending).toBe(0)
})
