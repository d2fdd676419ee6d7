import { connect, type Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { HELLO_BYTES, HELLO_TIMEOUT, UNAUTHENTICATED_LIMIT } from '../src/connections.ts'
import type { Session } from '../src/session.ts'
import { turn } from '../../../test/support/waiting.ts'
import { eventually } from '../../../test/support/terrarium.ts'
import { FAULTS, FAULTS_OF_READY } from '../../../test/support/second-client/faults.mjs'
import { frame, message, Wire } from '../../../test/support/second-client/wire.mjs'
import { encoded } from './bare.ts'
import { listening } from './listening.ts'

const wires: Wire[] = []
const sockets: Socket[] = []
const ignore = (): void => undefined
const here = listening(() => {
  for (const wire of wires.splice(0)) wire.close()
  for (const socket of sockets.splice(0)) socket.destroy()
})

function dial(): Wire {
  const wire = new Wire(here.server.path)
  wires.push(wire)
  return wire
}

/** A worker that has been welcomed, and its session. */
async function greeted(...more: Buffer[]): Promise<{ wire: Wire; session: Session; faults: (string | undefined)[] }> {
  const wire = dial()
  const faults: (string | undefined)[] = []
  const accepted = new Promise<Session>((resolve) => {
    const { token } = here.server.expect((session) => {
      session.once('closed', (fault) => faults.push(fault))
      resolve(session)
    }, 'grpc')
    wire.raw(message(++wire.sent, 0, [frame.hello({ token }), ...more]))
  })
  const session = await accepted
  await wire.heard('welcome')
  return { wire, session, faults }
}

const GOOD = frame.ready(['tool'])

describe.each([
  ['before Ready', []],
  ['once it is ready', [GOOD]],
])('a worker %s', (_, frames) => {
  test.each(Object.entries({ ...FAULTS, ...(frames.length === 0 ? FAULTS_OF_READY : {}) }))(
    'that sends %s is told so, and its session is closed for that',
    async (_, { say, fault }) => {
      const { wire, session, faults } = await greeted(...frames)
      wire.acknowledge()
      say(wire)
      await wire.ended
      await turn()
      expect(faults).toEqual([expect.stringMatching(fault)])
      expect(session.closed).toBe(true)
      expect(wire.status?.code).toBeGreaterThan(0)
      expect(wire.status?.details).toMatch(fault)
    },
  )
})

test('C4: Hello, Ready and an unknown frame in the first message: never ready, closed, and the reason sent', async () => {
  const { session, faults } = await greeted(GOOD, frame.unknown())
  expect(session.closed).toBe(true)
  expect(faults).toEqual(['a frame of a kind that this version does not know'])
})

test.each([
  [
    'nothing but a header of a message',
    (wire: Wire) => {
      wire.raw(Buffer.alloc(0), { length: 100 })
    },
  ],
  ['nothing', () => undefined],
])('a worker that sends %s and hangs up has broken nothing', async (_, say) => {
  const { wire, faults } = await greeted()
  say(wire)
  wire.close()
  await eventually('its session is closed', () => faults.length === 1)
  expect(faults).toEqual([undefined])
})

test.each<[string, (wire: Wire) => void, string]>([
  [
    'another first frame',
    (wire) => {
      wire.raw(message(1, 0, [GOOD]))
    },
    'the first frame of a session must be Hello',
  ],
  ['an unknown first frame', (wire) => { wire.raw(message(1, 0, [frame.unknown()])); }, 'the first frame of a session must be Hello'], // prettier-ignore
  [
    'an empty first message',
    (wire) => {
      wire.raw(Buffer.alloc(0))
    },
    'the first frame of a session must be Hello',
  ],
  [
    'garbage',
    (wire) => {
      wire.raw(Buffer.alloc(100, 0xff))
    },
    'Error deserializing request',
  ],
  ['a token of 1 MB', (wire) => { wire.raw(message(1, 0, [frame.hello({ token: 'x'.repeat(1_000_000) })])); }, 'no worker is expected with this token'], // prettier-ignore
  ['a message over the limit', (wire) => { wire.raw(Buffer.alloc(0), { length: 2 ** 28 + 1 }); }, 'Received message larger than max'], // prettier-ignore
])('a stranger that sends %s is turned away', async (_, say, details) => {
  const wire = dial()
  say(wire)
  await wire.ended
  expect(wire.status?.details).toContain(details)
})

test('a stream that never says Hello is ended after its time, and its connection too', async () => {
  const wire = dial()
  await eventually('it is open', () => here.clock.pending >= 3) // connection, stream, and the look at bytes
  const late = dial()
  late.raw(Buffer.alloc(3), { length: 100 }) // half a message
  await eventually('it is open too', () => here.clock.pending >= 5)
  await here.clock.advance(HELLO_TIMEOUT - 1)
  expect([wire.isOver, late.isOver]).toEqual([false, false])
  await here.clock.advance(1)
  await Promise.all([wire.ended, late.ended])
  await eventually('both connections are closed', () => wire.socket.destroyed && late.socket.destroyed)
  expect(here.warnings).toEqual([expect.stringContaining(`has not presented a token within ${HELLO_TIMEOUT} ms`)])
})

test('a connection that says nothing at all, or nonsense, is ended as well', async () => {
  const connection = (): Socket => {
    const socket = connect(here.server.path).on('error', ignore)
    socket.resume()
    sockets.push(socket)
    return socket
  }
  const silent = connection()
  const nonsense = connection()
  nonsense.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually('nonsense is ended at once', () => nonsense.destroyed)
  await here.clock.advance(HELLO_TIMEOUT)
  await eventually('silence after its time', () => silent.destroyed)
})

test('strangers are limited in number, and workers that are expected come in beside them', async () => {
  const open = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(here.server.path, () => {
        resolve(socket)
      }).on('error', ignore)
      socket.resume()
      sockets.push(socket)
    })
  for (let n = 0; n < UNAUTHENTICATED_LIMIT; n += 1) await open()
  await turn()
  const refused = await open()
  await eventually('one too many is ended', () => refused.destroyed)
  expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(1)
  expect(here.warnings).toEqual([
    expect.stringContaining(`${UNAUTHENTICATED_LIMIT} connections have not presented a token`),
  ])
  const { session } = await greeted(GOOD)
  expect(session.closed).toBe(false)
})

test('strangers are limited in what they send', async () => {
  const stranger = dial()
  stranger.raw(Buffer.alloc(HELLO_BYTES * 2), { length: HELLO_BYTES * 3 })
  await eventually('it is ended', async () => {
    await here.clock.advance(25)
    return stranger.socket.destroyed
  })
  expect(here.warnings).toEqual([expect.stringContaining(`more than ${HELLO_BYTES} bytes without a token`)])
  const { wire, session } = await greeted(GOOD)
  wire.acknowledge()
  const settled = new Promise((resolve) => session.call('tool', encoded(Buffer.alloc(0)), 0, { settled: resolve }))
  await wire.heard('call')
  wire.send(frame.result(1, Buffer.concat([Buffer.from([0xc6, 0, 0x40, 0, 0]), Buffer.alloc(0x40_00_00)])))
  await here.clock.advance(25)
  expect(await settled).toMatchObject({ value: { length: 0x40_00_00 } }) // a worker is no stranger
  expect(here.clock.pending).toBe(0)
})
