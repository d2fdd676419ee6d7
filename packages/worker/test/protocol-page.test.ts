import { EventEmitter } from 'node:events'
import { expect, test } from '@jest/globals'
import { page, plain, tableRows, type Row } from '../../../test/support/markdown.ts'
import { turn } from '../../../test/support/waiting.ts'
import { FAILURE_CODE, type HostFrame, type WorkerFrame } from '../src/frame.ts'
import { refusedBody } from '../src/lane/bodies.ts'
import { putHeader } from '../src/lane/header.ts'
import { LaneParser } from '../src/lane/parser.ts'
import {
  FLAG,
  FRAME_BYTES,
  HEADER_BYTES,
  HELLO_BYTES,
  HOST_KIND,
  MOST_SEGMENTS,
  PREAMBLE,
  REFUSED_CODE,
  WORKER_KIND,
} from '../src/lane/wire.ts'
import { LaneWriter, type LaneSocket } from '../src/lane/writer.ts'
import { decode, encode } from '../src/values/codec.ts'
import { MAX_MESSAGE_BYTES } from '../src/values/wire.ts'
import { PROTOCOL_VERSION } from '../src/version.ts'
import { raw } from './lane-bytes.ts'

// Compares docs/protocol.md with the host's codec of the socket lane: its tables, its limits and its examples.

const PAGE = 'docs/protocol.md'
const frames = tableRows(PAGE, 'Frames')
/** `hostCall` of `HostCall` */
const keyOf = (frame: string): string => frame.charAt(0).toLowerCase() + frame.slice(1)
const kindsFrom = (side: string): Record<string, number> =>
  Object.fromEntries(
    frames.filter(({ from }) => from === side).map(({ frame = '', kind }) => [keyOf(frame), Number(kind)]),
  )

test('the table of frames has each kind of the codec', () => {
  expect(kindsFrom('worker')).toEqual(WORKER_KIND)
  expect(kindsFrom('host')).toEqual(HOST_KIND)
})

test.each(
  frames
    .filter(({ from, frame }) => from === 'worker' && frame !== 'Part')
    .map((row) => [row.frame ?? '', row] as const),
)('a %s has the fields that the table allows, and no others', (name, row) => {
  const kind = Number(row.kind)
  const body =
    row.body === 'none' ? undefined : encode(kind === WORKER_KIND.result || kind === WORKER_KIND.item ? 1 : {})
  for (const field of ['code', 'id', 'extra'] as const) {
    const take = (): void => {
      const parser = new LaneParser(() => undefined)
      if (name !== 'Hello') parser.take(raw({ kind: WORKER_KIND.hello, body: encode({}) }))
      parser.take(raw({ kind, [field]: 1, ...(body === undefined ? {} : { body }) }))
    }
    if (row[field] === '0') expect(take).toThrow(`${name === 'Item' ? 'an' : 'a'} ${name} with ${field} 1`)
    else expect(take).not.toThrow()
  }
})

test('the page has the flags, the failure codes and the codes of Refused that the code has', () => {
  const numbered = (rows: readonly Row[], key: string): Record<string, number> =>
    Object.fromEntries(rows.map((row) => [plain(row.name), Number(row[key])]))
  const flags = Object.entries(FLAG).map(([name, flag]) => [name.toUpperCase(), flag])
  expect(numbered(tableRows(PAGE, 'Flags'), 'flag')).toEqual(Object.fromEntries(flags))
  expect(numbered(tableRows(PAGE, 'Failures'), 'code')).toEqual(FAILURE_CODE)
  const refused = frames.find(({ frame }) => frame === 'Refused')?.code
  expect(refused).toBe(
    Object.entries(REFUSED_CODE)
      .map(([name, code]) => `${code} ${name}`)
      .join(', '),
  )
})

test('the page has the preamble, the header and the limits that the code has', () => {
  const [magic, version, rest] = tableRows(PAGE, 'The preamble').map(({ what = '' }) => what)
  expect(plain(magic).slice(0, 11).replaceAll(' ', '').toLowerCase()).toBe(PREAMBLE.subarray(0, 4).toString('hex'))
  expect(version).toBe(`the version of the sender: ${PROTOCOL_VERSION}`)
  expect(rest).toBe('0')
  expect(page(PAGE)).toContain(`This is version ${PROTOCOL_VERSION}.`)
  const header = tableRows(PAGE, 'The header')
  expect(header.reduce((end, { bytes }) => end + Number(bytes), 0)).toBe(HEADER_BYTES)
  for (const limit of [
    `A body has at most ${FRAME_BYTES.toLocaleString('en-US')} bytes`,
    `at most ${HELLO_BYTES / 1024} KiB`,
    `(${MAX_MESSAGE_BYTES / 2 ** 20} MiB; Welcome says it)`,
    `the number of segments, 1 to ${MOST_SEGMENTS.toLocaleString('en-US')}`,
  ]) {
    expect(page(PAGE).replace(/\s+/g, ' ')).toContain(limit)
  }
})

interface Example {
  readonly frame: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly bytes: Buffer
}

const examples = tableRows(PAGE, 'Examples').map(({ frame = '', fields, bytes }): Example => ({
  frame,
  fields: JSON.parse(plain(fields)) as Example['fields'],
  bytes: Buffer.from(plain(bytes).replace(/[… ]/g, ''), 'hex'),
}))
const isOf = (side: string) => (example: Example) => keyOf(example.frame) in kindsFrom(side)
const hello = examples.find(({ frame }) => frame === 'Hello')?.bytes ?? Buffer.alloc(0)
const THREE = 'the bytes 1, 2, 3'

/** A frame as the fields of an example; what is empty is left out. */
function fieldsOf(frame: WorkerFrame): Record<string, unknown> {
  switch (frame.kind) {
    case 'hello': {
      const { token, pid, packageVersion, pythonVersion, reportsBegun } = frame
      return { token, pid, package: packageVersion, python: pythonVersion, begun: reportsBegun }
    }
    case 'ready':
      return { tools: frame.tools }
    case 'item':
    case 'result': {
      const { id, value } = frame
      const [segment] = value.segments
      if (segment === undefined) return { id, value: decode(value.bytes) }
      expect(segment).toEqual(Buffer.from([1, 2, 3]))
      return { id, value: THREE }
    }
    case 'progress': {
      const { kind: _, ...rest } = frame
      return rest
    }
    case 'failure': {
      const { kind: _, attributes, ...rest } = frame
      const hostCall = rest.hostCall === 0 ? undefined : rest.hostCall
      return withoutEmpty({ ...rest, hostCall, attributes: Buffer.from(attributes).toString('hex') })
    }
    case 'hostCall': {
      const { id, call, isStream, body } = frame
      return { id, call, isStream, body: decode(body.bytes) }
    }
    case 'hostCancel':
      return { id: frame.id }
    case 'hostCredit':
      return { id: frame.id, bytes: frame.bytes }
    case 'want':
      return { id: frame.id, feed: frame.feed, bytes: frame.bytes }
    case 'pong':
      return { nonce: frame.nonce, running: frame.running }
  }
}

const withoutEmpty = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== '' && value !== false && value !== undefined),
  )

test.each(examples.filter(isOf('worker')).map((each, index) => [`${each.frame} ${index}`, each] as const))(
  'the example %s is read as its fields',
  (_, { frame, fields, bytes }) => {
    const read: WorkerFrame[] = []
    const parser = new LaneParser((each) => read.push(each))
    if (frame !== 'Hello') parser.take(hello)
    parser.take(bytes)
    expect(read).toHaveLength(frame === 'Hello' ? 1 : 2)
    const last = read.at(-1) as WorkerFrame
    expect(frame === 'Failure' ? fieldsOf(last) : withoutEmpty(fieldsOf(last))).toEqual(withoutEmpty(fields))
  },
)

/** The frame of a host with these fields; undefined for a body that is split or apart though it is short. */
function frameOf({ frame, fields }: Example): HostFrame | undefined {
  const {
    maxBytes,
    id,
    index,
    timeout,
    nonce,
    unlessBegun,
    bytes,
    feed,
    session = 0,
    number,
    ...flags
  } = fields as Record<string, number>
  switch (frame) {
    case 'Welcome':
      return { kind: 'welcome', maxBytes: Number(maxBytes) }
    case 'Call': {
      const args = { bytes: encode(fields['arguments']), segments: [] }
      const head = { id: Number(id), index: Number(index), tool: 'echo', timeout: Number(timeout) }
      return {
        kind: 'call',
        ...head,
        isStream: Boolean(flags.isStream),
        wantsProgress: Boolean(flags.wantsProgress),
        session,
        args,
      }
    }
    case 'Cancel':
      return { kind: 'cancel', id: Number(id), unlessBegun: Boolean(unlessBegun) }
    case 'SessionOpen':
      return { kind: 'sessionOpen', number: Number(number), id: String(id) }
    case 'SessionClose':
      return { kind: 'sessionClose', number: Number(number) }
    case 'Ping':
      return { kind: 'ping', nonce: Number(nonce) }
    case 'Credit':
      return { kind: 'credit', id: Number(id), bytes: Number(bytes) }
    case 'HostResult':
    case 'HostItem': {
      const value = { bytes: encode(fields['value']), segments: [] }
      return { kind: frame === 'HostItem' ? 'hostItem' : 'hostResult', id: Number(id), value }
    }
    case 'HostFailure': {
      const { code, type, message } = fields as { code: number; type: string; message: string }
      const empty = { traceback: '', hint: '', place: '', attributes: Buffer.alloc(0) }
      return { kind: 'hostFailure', id: Number(id), code, type, message, ...empty }
    }
    case 'Feed': {
      const value = { bytes: encode(fields['value']), segments: [] }
      return { kind: 'feed', id: Number(id), feed: Number(feed), value }
    }
    case 'FeedEnd': {
      const { type, message } = fields as Record<string, string>
      const failure = type === undefined || message === undefined ? undefined : { type, message }
      return { kind: 'feedEnd', id: Number(id), feed: Number(feed), failure }
    }
  }
  return undefined
}

test('the examples of a host are what it sends', async () => {
  let compared = 0
  for (const example of examples.filter(isOf('host'))) {
    const { frame, fields, bytes } = example
    // Nothing makes a host split or part a body as short as in the last rows: workers are tested with these.
    const flags = bytes.readUInt8(5)
    if ((flags & (FLAG.apart | FLAG.split)) !== 0) continue
    if (frame === 'Refused') {
      const body = refusedBody(String(fields['message']))
      const header = Buffer.alloc(HEADER_BYTES)
      putHeader(header, 0, body.length, HOST_KIND.refused, 0, Number(fields['code']), 0, 0)
      expect(Buffer.concat([header, body]).toString('hex')).toBe(bytes.toString('hex'))
    } else {
      expect((await sentBy(frameOf(example) as HostFrame, flags === FLAG.spin)).toString('hex')).toBe(
        bytes.toString('hex'),
      )
    }
    compared += 1
  }
  expect(compared).toBe(18)
})

/** The bytes of one frame behind the preamble. */
async function sentBy(frame: HostFrame, maySpin: boolean): Promise<Buffer> {
  const written: Buffer[] = []
  const socket = Object.assign(new EventEmitter(), {
    write: (bytes: Buffer) => written.push(Buffer.from(bytes)),
    cork: () => undefined,
    uncork: () => undefined,
    end: () => undefined,
    destroy: () => undefined,
    writableLength: 0,
    bytesRead: 0,
  })
  new LaneWriter(socket as unknown as LaneSocket, () => maySpin).send(frame, 1)
  await turn()
  const all = Buffer.concat(written)
  expect(all.subarray(0, PREAMBLE.length)).toEqual(PREAMBLE)
  return all.subarray(PREAMBLE.length)
}
