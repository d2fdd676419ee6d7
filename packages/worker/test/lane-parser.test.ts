import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { WorkerFrame } from '../src/frame.ts'
import { LaneParser } from '../src/lane/parser.ts'
import { encode } from '../src/values/codec.ts'
import { inOne } from '../src/values/encoded-value.ts'
import { apart, failureBytes, helloBytes, pongBytes, raw, readyBytes, resultBytes, split, u32 } from './lane-bytes.ts'
import { failure, hello, ready, result } from './bare.ts'

/** What a parser makes of chunks, whether it is given a function for values in one piece or not. */
function parsed(...chunks: Buffer[]): unknown[] {
  const [frames, again]: [unknown[], unknown[]] = [[], []]
  const parser = new LaneParser((frame) => frames.push(plain(frame)))
  const other = new LaneParser(
    (frame) => again.push(plain(frame)),
    (kind, id, bytes, start, end) => again.push(plain({ kind, id, value: inOne(bytes.subarray(start, end)) })),
  )
  for (const chunk of chunks) {
    parser.take(chunk)
    other.take(chunk)
  }
  expect(again).toEqual(frames)
  return frames
}

/** A frame with texts for its bytes: they are compared quickly, and refer to no chunk. */
function plain(frame: WorkerFrame): unknown {
  if (frame.kind === 'failure') return { ...frame, attributes: Buffer.from(frame.attributes).toString('latin1') }
  if (frame.kind !== 'result' && frame.kind !== 'item') return frame
  const { bytes, segments } = frame.value
  return { ...frame, value: [bytes, ...segments].map((each) => each.toString('latin1')) }
}

const HELLO = helloBytes()
const GREETED = hello({ pid: 7, pythonVersion: '3.11' })
const long = Buffer.alloc(300_000, 'long')
const segments = [Buffer.alloc(70_000, 1), Buffer.alloc(3, 2)]

const FRAMES: readonly (readonly [Buffer, WorkerFrame])[] = [
  [HELLO, GREETED],
  [readyBytes('a', 'b'), ready('a', 'b')],
  [resultBytes(1, { x: 'y' }), result(1, { x: 'y' })],
  [
    raw({ kind: 7, id: 9, body: encode(['an', 'item']) }),
    { kind: 'item', id: 9, value: inOne(encode(['an', 'item'])) },
  ],
  [failureBytes(2, 4, { notBegun: true, hint: 'h' }), failure(2, { code: 4, type: '', notBegun: true, hint: 'h' })],
  [pongBytes(7, 2), { kind: 'pong', nonce: 7, running: 2 }],
  [raw({ kind: 10, id: 8 }), { kind: 'hostCancel', id: 8 }],
  [raw({ kind: 11, id: 8, extra: 500 }), { kind: 'hostCredit', id: 8, bytes: 500 }],
  [resultBytes(0xffffffff, long), result(0xffffffff, long)],
  [
    raw({ kind: 3, flags: 1, id: 3, body: apart(encode(1), ...segments) }),
    { kind: 'result', id: 3, value: { bytes: encode(1), segments } },
  ],
  [
    Buffer.concat(split({ kind: 3, flags: 1, id: 4, body: apart(encode(2), ...segments) }, 6, 12, 5, 60_000)),
    { kind: 'result', id: 4, value: { bytes: encode(2), segments } },
  ],
  [Buffer.concat(split({ kind: 3, id: 5, body: encode(long) }, 6, 100_000, 1)), result(5, long)],
]

const ALL = FRAMES.map(([bytes, frame]) => [bytes, plain(frame)] as const)

test('every frame is read, all in one chunk or byte by byte', () => {
  const bytes = Buffer.concat(ALL.map(([each]) => each))
  const frames = ALL.map(([, frame]) => frame)
  expect(parsed(bytes)).toEqual(frames)
  const short = ALL.filter(([each]) => each.length < 1_000)
  const single = Buffer.concat(short.map(([each]) => each))
  expect(parsed(...Array.from(single, (byte) => Buffer.from([byte])))).toEqual(short.map(([, frame]) => frame))
})

test('frames are the same wherever the bytes are cut', () => {
  const bytes = Buffer.concat(ALL.map(([each]) => each))
  const frames = ALL.map(([, frame]) => frame)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 30 }), (cuts) => {
      const at = [0, ...cuts.sort((one, other) => one - other), bytes.length]
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
      expect(parsed(...chunks)).toEqual(frames)
    }),
    { numRuns: 50 },
  )
})

test('other frames come between the parts of a split body', () => {
  const [first = HELLO, second = HELLO, third = HELLO] = split({ kind: 3, id: 9, body: encode(long) }, 6, 1_000, 2_000)
  expect(parsed(HELLO, first, pongBytes(1), second, resultBytes(2, 'short'), third)).toEqual([
    GREETED,
    { kind: 'pong', nonce: 1, running: 0 },
    plain(result(2, 'short')),
    plain(result(9, long)),
  ])
})

test('segments have memory of their own, at its beginning', () => {
  const frames: WorkerFrame[] = []
  const parser = new LaneParser((frame) => frames.push(frame))
  parser.take(Buffer.concat([HELLO, raw({ kind: 3, flags: 1, id: 3, body: apart(encode(1), ...segments) })]))
  const [, frame] = frames
  if (frame?.kind !== 'result') throw new Error('no result')
  for (const { buffer, byteOffset, length } of frame.value.segments) {
    expect([byteOffset, buffer.byteLength]).toEqual([0, length])
  }
})

test('keys that are not known are ignored, and absent keys are empty', () => {
  expect(parsed(HELLO, raw({ kind: 4, id: 1, code: 99, body: encode({ later: [1] }) }))).toEqual([
    GREETED,
    plain(failure(1, { code: 99, type: '', message: '' })),
  ])
  expect(parsed(raw({ kind: 1, body: encode({}) }))).toEqual([
    hello({ pid: 0, packageVersion: '', pythonVersion: '', reportsBegun: false }),
  ])
})

const body = encode(long)
const [first = HELLO, second = HELLO] = split({ kind: 3, id: 9, body }, 6, 1_000)
const most = (1024 + 64) * 1024

test.each<[string, Buffer[], string]>([
  ['an unknown kind', [raw({ kind: 77 })], 'a frame of a kind that this version does not know'],
  ['kind 0', [raw({ kind: 0 })], 'a frame of a kind that this version does not know'],
  ['a kind of the host', [raw({ kind: 18, body })], 'a frame of a kind that this version does not know'],
  ['unknown flags', [raw({ kind: 3, flags: 4, body })], 'a Result with flags 4'],
  ['a Pong that is apart', [raw({ kind: 5, flags: 1 })], 'a Pong with flags 1'],
  ['a Ready that is apart', [raw({ kind: 2, flags: 1, body })], 'a Ready with flags 1'],
  ['a code', [raw({ kind: 3, code: 1, body })], 'a Result with code 1'],
  ['an id', [raw({ kind: 2, id: 1, body })], 'a Ready with id 1'],
  ['an extra', [raw({ kind: 4, extra: 1, body })], 'a Failure with extra 1'],
  ['a Pong with a body', [raw({ kind: 5, body })], `a Pong with a body of ${body.length} bytes`],
  ['a Result without a body', [raw({ kind: 3, id: 1 })], 'a Result with a body of 0 bytes'],
  ['a length over the limit', [raw({ kind: 3, length: most + 1 })], `a Result with a body of ${most + 1} bytes, more than ${most}`], // prettier-ignore
  ['the longest length', [raw({ kind: 3, length: 2 ** 32 - 1 })], `a Result with a body of ${2 ** 32 - 1} bytes, more than ${most}`], // prettier-ignore
  ['a Part alone', [raw({ kind: 6, id: 9, body })], 'a Part without an open split frame'],
  [
    'a Part of another frame',
    [first, raw({ kind: 6, id: 8, body: u32(1) })],
    'a Part with id 8, the split frame has 9',
  ],
  ['a Part without bytes', [first, raw({ kind: 6, id: 9 })], 'a Part with a body of 0 bytes'],
  ['a Part with too many bytes', [first, raw({ kind: 6, id: 9, length: body.length })], `a Part of ${body.length} bytes, ${body.length - 1_000} are missing`], // prettier-ignore
  [
    'a Part after the last',
    [first, second, raw({ kind: 6, id: 9, body: u32(1) })],
    'a Part without an open split frame',
  ],
  ['two split frames', [first, first], 'a split frame while another is open'],
  ['a split frame without bytes', [raw({ kind: 3, flags: 2, body: u32(100) })], 'a split frame without bytes'],
  ['a total that the frame has', [raw({ kind: 3, flags: 2, body: u32(4, 7) })], 'a split body of 4 bytes, whose first frame has 4'], // prettier-ignore
  ['a total over the limit', [raw({ kind: 3, flags: 2, body: u32(2 ** 28 + 1, 7) })], `a body of ${2 ** 28 + 1} bytes, more than ${2 ** 28}`], // prettier-ignore
  ['no segments', [raw({ kind: 3, flags: 1, body: u32(0, 7) })], 'a body with 0 segments'],
  ['too many segments', [raw({ kind: 3, flags: 1, body: u32(4_097, 7) })], 'a body with 4097 segments'],
  [
    'a table that is too long',
    [raw({ kind: 3, flags: 1, body: u32(1, 9, 0) })],
    'a table of segments that does not add up',
  ],
  [
    'a table without msgpack',
    [raw({ kind: 3, flags: 1, body: u32(1, 4, 0) })],
    'a table of segments that does not add up',
  ],
  ['an empty segment', [raw({ kind: 3, flags: 1, body: u32(1, 0, 0) })], 'a table of segments that does not add up'],
  [
    'a table that is cut off',
    [raw({ kind: 3, flags: 1, body: u32(2, 4) })],
    'a table of segments that does not add up',
  ],
  ['a table that is not in the first frame', split({ kind: 3, flags: 1, body: apart(encode(1), ...segments) }, 6, 11).slice(0, 1), 'a table of segments that is not in the first frame'], // prettier-ignore
  ['a count that is cut off', [raw({ kind: 3, flags: 1, body: Buffer.alloc(3) })], 'a table of segments that is not in the first frame'], // prettier-ignore
  ['a Failure that is no map', [raw({ kind: 4, body: encode([1]) })], 'a Failure that is no map'],
  ['a Failure that is no msgpack', [raw({ kind: 4, body: Buffer.from([0xc1]) })], 'a Failure: it is not what a worker sends: no value begins with 0xc1'], // prettier-ignore
  ['a Ready with a text as tools', [raw({ kind: 2, body: encode({ tools: 'a' }) })], 'a Ready whose tools is of another type'], // prettier-ignore
  ['a tool that is no map', [raw({ kind: 2, body: encode({ tools: [1] }) })], 'a tool in Ready that is no map'],
  ['a tool with a number as name', [raw({ kind: 2, body: encode({ tools: [{ name: 1 }] }) })], 'a tool in Ready whose name is of another type'], // prettier-ignore
])('%s is a protocol error', (_, frames, fault) => {
  const taken: string[] = []
  const parser = new LaneParser(({ kind }) => taken.push(kind))
  parser.take(HELLO)
  expect(() => {
    for (const frame of frames) parser.take(frame)
  }).toThrow(expect.objectContaining({ name: 'TypeError', message: fault }))
  // Byte by byte it is the same.
  const slow = new LaneParser(() => undefined)
  slow.take(HELLO)
  const bytes = Buffer.concat(frames)
  expect(() => {
    for (const byte of bytes) slow.take(Buffer.from([byte]))
  }).toThrow(fault)
})

test.each<[string, Buffer, string]>([
  ['another first frame', readyBytes('a'), 'the first frame of a session must be Hello'],
  ['a long Hello', raw({ kind: 1, length: 65_537 }), 'a Hello of 65537 bytes, more than 65536'],
  ['a split Hello', raw({ kind: 1, flags: 2, length: 100 }), 'a Hello with flags 2'],
  ['a Hello with a number as token', helloBytes({ token: 7 }), 'a Hello whose token is of another type'],
  ['a Hello with a pid below 0', helloBytes({ pid: -1 }), 'a Hello whose pid is of another type'],
])('%s is refused at its header or when it is read', (_, bytes, fault) => {
  expect(() => parsed(bytes)).toThrow(new TypeError(fault))
})

test('what the receiver of a frame throws comes out of take', () => {
  const parser = new LaneParser(() => {
    throw new TypeError('not now')
  })
  expect(() => {
    parser.take(HELLO)
  }).toThrow('not now')
})

test('arbitrary bytes end in a protocol error or are waited for, and nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), (junk, at) => {
      const bytes = Buffer.concat(ALL.slice(0, 5).map(([each]) => each))
      bytes.set(junk.subarray(0, bytes.length), Math.min(at, bytes.length - Math.min(junk.length, bytes.length)))
      try {
        parsed(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
    }),
    { numRuns: 1_000 },
  )
})
