import { expect, test } from '@jest/globals'
import type { HostFrame, WorkerFrame } from '../src/frame.ts'
import type {
  SessionRequest,
  SessionResponse,
  WorkerFrame as WorkerMessage,
} from '../src/generated/terrarium/v1/session.ts'
import { GrpcCarrier } from '../src/grpc/carrier.ts'
import { encode } from '../src/values/codec.ts'
import { turn } from '../../../test/support/waiting.ts'
import { encoded } from './bare.ts'

/** A carrier whose stream is a list. */
function open() {
  const wire: SessionResponse[] = []
  const taken: WorkerFrame[] = []
  let ended = 0
  const carrier = new GrpcCarrier({ write: (message) => wire.push(message), end: () => (ended += 1) })
  let id = 0
  const call = (tool: string, bytes = 1): number => {
    id += 1
    const frame: HostFrame = {
      kind: 'call',
      id,
      tool,
      index: 0,
      timeout: 0,
      isStream: false,
      args: encoded(Buffer.alloc(bytes)),
    }
    carrier.send(frame)
    return id
  }
  const receive = (message: SessionRequest): void => {
    carrier.receive(message, (frame) => taken.push(frame))
  }
  const calls = (message: SessionResponse | undefined): string[] =>
    (message?.frames ?? []).map(({ kind }) => (kind?.$case === 'call' ? kind.value.tool : (kind?.$case ?? '?')))
  return { carrier, wire, taken, call, receive, calls, ended: () => ended }
}

const result = (id: number, value: unknown): WorkerMessage => ({
  kind: { $case: 'result', value: { id, value: encode(value) } },
})
const pong: WorkerMessage = { kind: { $case: 'pong', value: { nonce: 1, running: 0 } } }

test('calls made in one turn travel in one message, in order', async () => {
  const { wire, call, calls } = open()
  call('a')
  call('b')
  await Promise.resolve().then(() => call('c'))
  await turn()
  expect(wire.map(calls)).toEqual([['a', 'b', 'c']])
  expect(wire[0]).toMatchObject({ seq: 1, ack: 0 })
})

test('while a message is unacknowledged the next calls gather', async () => {
  const { wire, call, calls, receive } = open()
  call('a')
  await turn()
  for (const tool of ['b', 'c', 'd']) {
    call(tool)
    await turn()
  }
  expect(wire).toHaveLength(1)
  receive({ seq: 0, ack: 1, frames: [] })
  await turn()
  expect(wire.map(calls)).toEqual([['a'], ['b', 'c', 'd']])
})

test('what is received is acknowledged with the calls it brings about', async () => {
  const { wire, call, calls, receive } = open()
  const id = call('a')
  await turn()
  receive({ seq: 1, ack: 1, frames: [result(id, 1)] })
  call('b')
  await turn()
  expect(wire.map(calls)).toEqual([['a'], ['b']])
  expect(wire[1]).toMatchObject({ seq: 2, ack: 1 })
})

test('what brings nothing about is acknowledged alone, and such a message needs no acknowledgement', async () => {
  const { wire, call, calls, receive } = open()
  const id = call('a')
  await turn()
  receive({ seq: 1, ack: 1, frames: [result(id, 1)] })
  await turn()
  expect(wire[1]).toEqual({ seq: 0, ack: 1, frames: [] })
  call('b')
  await turn()
  expect(calls(wire[2])).toEqual(['b'])
})

test('an acknowledgement goes out even while our own message is unacknowledged', async () => {
  const { wire, call, receive } = open()
  const id = call('a')
  await turn()
  receive({ seq: 1, ack: 0, frames: [result(id, 1)] })
  call('b')
  await turn()
  expect(wire[1]).toEqual({ seq: 0, ack: 1, frames: [] })
})

test('a message carries at most 256 KiB, but a larger call travels alone', async () => {
  const { wire, call, calls, receive } = open()
  call('a', 100 * 1024)
  call('b', 100 * 1024)
  call('c', 100 * 1024)
  call('big', 1024 * 1024)
  call('d')
  for (let ack = 1; ack <= 4; ack++) {
    await turn()
    receive({ seq: 0, ack, frames: [] })
  }
  await turn()
  expect(wire.map(calls)).toEqual([['a', 'b'], ['c'], ['big'], ['d']])
})

test.each<[string, SessionRequest[], string]>([
  ['a gap in the numbering', [{ seq: 2, ack: 0, frames: [pong] }], 'message 2 follows 0'],
  ['a number that comes again', [{ seq: 1, ack: 0, frames: [pong] }, { seq: 1, ack: 0, frames: [pong] }], 'message 1 follows 1'], // prettier-ignore
  ['an acknowledgement of what was never sent', [{ seq: 0, ack: 1, frames: [] }], 'message 1 was acknowledged, sent were 0'], // prettier-ignore
  ['frames without a number', [{ seq: 0, ack: 0, frames: [pong] }], 'a message without a number has frames'],
  ['a number without frames', [{ seq: 1, ack: 0, frames: [] }], 'message 1 has no frames'],
  [
    'a message before the last one was acknowledged',
    [
      { seq: 1, ack: 0, frames: [pong] },
      { seq: 2, ack: 0, frames: [pong] },
    ],
    'message 2 came before 1 was acknowledged',
  ],
  ['an unknown frame', [{ seq: 1, ack: 0, frames: [{ kind: undefined }] }], 'a frame of a kind that this version does not know'], // prettier-ignore
])('%s is a protocol error', (_, messages, fault) => {
  const { receive } = open()
  expect(() => {
    for (const message of messages) receive(message)
  }).toThrow(new TypeError(fault))
})

test('frames before an unknown one are taken, and so is what each message brings', async () => {
  const { carrier, taken, receive } = open()
  expect(() => {
    receive({ seq: 1, ack: 0, frames: [result(7, 'seven'), { kind: undefined }] })
  }).toThrow('a frame of a kind')
  expect(taken).toEqual([{ kind: 'result', id: 7, value: encoded(encode('seven')) }])
  expect(carrier.received).toBe(1)
  await turn()
})

test('calls whose frames were not written are unsent, and are dropped at the end', async () => {
  const { carrier, wire, call, calls, ended } = open()
  call('written')
  await turn()
  const waiting = call('waits for the acknowledgement')
  await turn()
  expect(wire.map(calls)).toEqual([['written']])
  expect([...carrier.unsent()]).toEqual([waiting])
  carrier.end()
  carrier.end()
  call('too late')
  await turn()
  expect([wire.map(calls), ended()]).toEqual([[['written']], 1])
})
