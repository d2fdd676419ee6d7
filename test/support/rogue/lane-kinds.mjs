// What workers on the socket lane can do wrong, and what comes of each: a fault that the host names, an error of the
// call alone, or nothing at all.
import { pack } from 'msgpackr/pack'
import { BAD_VALUES } from './bad-values.mjs'
import { Wire, frame as grpcFrame, message } from '../second-client/wire.mjs'
import { APART, FAILURE, frame, hello, HELLO, HOST_CALL, HOST_CANCEL, HOST_CREDIT, LaneWire, longReady, PART, PONG, preamble, PROGRESS, ready, READY, result, RESULT, SPLIT, toolFrames, u32, VERSION, WANT } from './lane.mjs' // prettier-ignore
import { TOOL_FAULTS, TOOL_ODDITIES } from './tool-kinds.mjs'

const MiB = 1024 * 1024
const NIL = pack(null)
/** A msgpack that refers to a segment. */
const refers = (/** @type {number} */ index) => Buffer.concat([Buffer.from([0xd6, 8]), u32(index)])
const apart = (/** @type {Buffer} */ data, /** @type {Buffer[]} */ ...segments) =>
  Buffer.concat([u32(segments.length, ...segments.map(({ length }) => length)), data, ...segments])

/** The beginning of a split Result: its total and its first bytes. */
const split = (/** @type {number} */ id, total = 9, first = NIL) =>
  frame({ kind: RESULT, flags: SPLIT, id }, Buffer.concat([u32(total), first]))

const UNKNOWN = /a frame of a kind that this version does not know/
const TABLE = /a table of segments that does not add up/

/**
 * With a call: each answers it with bytes that the host ends it for.
 *
 * @type {Record<string, readonly [(id: number) => Buffer, RegExp, boolean?]>}
 */
// prettier-ignore
export const LANE_FAULTS = {
  'a kind of the future': [() => frame({ kind: 99 }, NIL), UNKNOWN],
  'a kind of the host': [(id) => frame({ kind: 18, id }, NIL), UNKNOWN],
  'a flag of the future': [(id) => frame({ kind: RESULT, flags: 4, id }, NIL), /a Result with flags 4/],
  'a Failure with segments': [(id) => frame({ kind: FAILURE, flags: APART, id, code: 1 }, NIL), /a Failure with flags 1/],
  'a split Pong': [() => frame({ kind: PONG, flags: SPLIT }), /a Pong with flags 2/],
  'a Result with a code': [(id) => frame({ kind: RESULT, code: 7, id }, NIL), /a Result with code 7/],
  'a Ready with an id': [() => frame({ kind: READY, id: 3 }, NIL), /a Ready with id 3/],
  'a Result with an extra': [(id) => frame({ kind: RESULT, id, extra: 1 }, NIL), /a Result with extra 1/],
  'a body that is too long': [(id) => frame({ kind: RESULT, id, length: 1_114_113 }), /a Result with a body of 1114113 bytes, more than/],
  'a body of 4 GiB': [(id) => frame({ kind: RESULT, id, length: 2 ** 32 - 1 }), /a Result with a body of 4294967295 bytes/],
  'a Pong with a body': [() => frame({ kind: PONG }, NIL), /a Pong with a body of 1 bytes/],
  'a Result without a body': [(id) => frame({ kind: RESULT, id }), /a Result with a body of 0 bytes/],
  'a Part of nothing': [(id) => frame({ kind: PART, id }, NIL), /a Part without an open split frame/],
  'a Part of another frame': [(id) => Buffer.concat([split(id), frame({ kind: PART, id: id + 1 }, NIL)]), /a Part with id/],
  'a Part that is too long': [(id) => Buffer.concat([split(id), frame({ kind: PART, id }, Buffer.alloc(99))]), /a Part of 99 bytes, 8 are missing/],
  'two split frames at a time': [(id) => Buffer.concat([split(id), split(id)]), /a split frame while another is open/],
  'a split frame that is whole': [(id) => split(id, 1), /a split body of 1 bytes, whose first frame has 1/],
  'a split body beyond the limit': [(id) => split(id, 2 ** 28 + 1), /a body of 268435457 bytes, more than 268435456/],
  'a split frame without bytes': [(id) => split(id, 9, Buffer.alloc(0)), /a split frame without bytes/],
  'no segments': [(id) => frame({ kind: RESULT, flags: APART, id }, Buffer.concat([u32(0), NIL])), /a body with 0 segments/],
  'too many segments': [(id) => frame({ kind: RESULT, flags: APART, id }, Buffer.concat([u32(5_000), Buffer.alloc(30_000)])), /a body with 5000 segments/],
  'segments beyond the body': [(id) => frame({ kind: RESULT, flags: APART, id }, Buffer.concat([u32(1, 2 ** 31), NIL])), TABLE],
  'segments of 16 GiB': [(id) => frame({ kind: RESULT, flags: APART, id }, Buffer.concat([u32(4, ...Array(4).fill(2 ** 32 - 1)), NIL])), TABLE],
  'an empty segment': [(id) => frame({ kind: RESULT, flags: APART, id }, apart(NIL, Buffer.alloc(0))), TABLE],
  'a table that is cut off': [(id) => frame({ kind: RESULT, flags: APART, id }, u32(9)), TABLE],
  'an answer to no call': [(id) => result(id + 7), /an answer to call \d+, which is not open/],
  'an answer to call 0': [() => result(0), /an answer to call 0, which is not open/],
  'a second Hello': [() => hello(), /a second Hello/],
  'a second Ready': [() => ready(), /a second Ready/],
  'a Pong that was not asked for': [() => frame({ kind: PONG, id: 4_000_000 }), /a Pong that was not asked for/],
  'a Failure that is no map': [(id) => frame({ kind: FAILURE, id, code: 1 }, NIL), /a Failure that is no map/],
  'a Failure whose message is a number': [(id) => frame({ kind: FAILURE, id, code: 1 }, pack({ message: 7 })), /a Failure whose message is of another type/],
  ...Object.fromEntries(Object.entries(TOOL_FAULTS).map(([name, [says, fault]]) => [name, [(id) => Buffer.concat(says(toolFrames, id)), fault]])),
  'a Progress that is no map': [(id) => frame({ kind: PROGRESS, id }, NIL), /a Progress that is no map/],
  'a Progress whose text is a number': [(id) => frame({ kind: PROGRESS, id }, pack({ text: 7 })), /a Progress whose text is of another type/],
  'a Progress without a body': [(id) => frame({ kind: PROGRESS, id }), /a Progress with a body of 0 bytes/],
  'a split Progress': [(id) => frame({ kind: PROGRESS, flags: SPLIT, id }, NIL), /a Progress with flags 2/],
  'a HostCall without a body': [(id) => frame({ kind: HOST_CALL, id: 5, extra: id }), /a HostCall with a body of 0 bytes/],
  'a HostCall with a code': [(id) => frame({ kind: HOST_CALL, code: 1, id: 5, extra: id }, NIL), /a HostCall with code 1/],
  'a HostCall with the flag SPIN': [(id) => frame({ kind: HOST_CALL, flags: 4, id: 5, extra: id }, NIL), /a HostCall with flags 4/],
  'a HostCancel with a body': [() => frame({ kind: HOST_CANCEL, id: 5 }, NIL), /a HostCancel with a body of 1 bytes/],
  'a HostCancel with an extra': [() => frame({ kind: HOST_CANCEL, id: 5, extra: 1 }), /a HostCancel with extra 1/],
  'a HostCredit with a body': [() => frame({ kind: HOST_CREDIT, id: 5, extra: 1 }, NIL), /a HostCredit with a body of 1 bytes/],
  'a HostCredit with a code': [() => frame({ kind: HOST_CREDIT, code: 1, id: 5, extra: 1 }), /a HostCredit with code 1/],
  'a Want with a body': [(id) => frame({ kind: WANT, id, extra: 1 }, NIL), /a Want with a body of 1 bytes/],
  'a Want with the flag STREAM': [(id) => frame({ kind: WANT, flags: 8, id, extra: 1 }), /a Want with flags 8/],
  'a SessionOpen, which is of the host': [() => frame({ kind: 28, id: 1 }, pack({ id: 'a' })), UNKNOWN],
  'HTTP/2': [() => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), UNKNOWN],
  garbage: [() => Buffer.alloc(1_000, 0xff), UNKNOWN],
  'half a header, and hangs up': [() => frame({ kind: RESULT }, NIL).subarray(0, 9), /closed its session and went on running/, true],
  'half a body, and hangs up': [(id) => frame({ kind: RESULT, id, length: 99 }, NIL), /closed its session and went on running/, true],
  'nothing, and hangs up': [() => Buffer.alloc(0), /closed its session and went on running/, true],
}

/**
 * With a call: the call has an error, and the worker goes on.
 *
 * @type {Record<string, readonly [(id: number) => Buffer, RegExp, boolean?]>}
 */
// prettier-ignore
export const LANE_ERRORS = {
  ...Object.fromEntries(Object.entries(BAD_VALUES).map(([name, bytes]) => [name, [(id) => frame({ kind: RESULT, id }, bytes), /^RESULT_NOT_SENDABLE/]])),
  'a segment that nothing refers to': [(id) => frame({ kind: RESULT, flags: APART, id }, apart(NIL, Buffer.from('abc'))), /^RESULT_NOT_SENDABLE/],
  'a reference to no segment': [(id) => frame({ kind: RESULT, id }, refers(0)), /^RESULT_NOT_SENDABLE/],
  'a segment that is referred to twice': [(id) => frame({ kind: RESULT, flags: APART, id }, apart(Buffer.concat([Buffer.from([0x92]), refers(0), refers(0)]), Buffer.from('abc'))), /^RESULT_NOT_SENDABLE/],
  'a failure code of the future': [(id) => frame({ kind: FAILURE, id, code: 999 }, pack({ message: 'of 2031', more: [1] })), /^PYTHON_ERROR.*failure code 999/],
  'an empty Failure': [(id) => frame({ kind: FAILURE, id, code: 1 }, pack({})), /^PYTHON_ERROR/],
}

/**
 * With a call: unusual, and allowed.
 *
 * @type {Record<string, (wire: LaneWire, id: number) => unknown>}
 */
export const LANE_ODDITIES = {
  ...Object.fromEntries(
    Object.entries(TOOL_ODDITIES).map(([name, says]) => [
      name,
      (wire, id) => wire.send(...says(toolFrames, id), result(id)),
    ]),
  ),
  'byte by byte': (wire, id) => wire.trickle(result(id)),
  'in parts of one byte': (wire, id) => {
    const body = pack('done')
    const parts = [...body.subarray(1)].map((byte) => frame({ kind: PART, id }, Buffer.of(byte)))
    return wire.trickle(Buffer.concat([split(id, body.length, body.subarray(0, 1)), ...parts]))
  },
  'apart, though it is short': (wire, id) =>
    wire.send(frame({ kind: RESULT, flags: APART, id }, apart(refers(0), Buffer.from('done')))),
  'after a second connection with its token, which is refused': async (wire, id) => {
    const { socket, token } = JSON.parse(process.env['TERRARIUM_BOOT'] ?? '{}')
    const other = new LaneWire(socket)
    other.send(preamble(), hello(token), ready())
    await other.ended
    if (!other.heard.some(({ kind, code }) => kind === 'refused' && code === 2)) process.exit(3)
    wire.send(result(id))
  },
}

/**
 * Before it is ready, given its token.
 *
 * @type {Record<string, readonly [(wire: LaneWire, token: string) => void, RegExp]>}
 */
// prettier-ignore
export const LANE_STARTS = {
  'says nothing': [() => {}, /was not ready within/],
  'says its preamble and no more': [(wire) => wire.send(preamble()), /was not ready within/],
  'says half a Hello': [(wire, token) => wire.send(preamble(), hello(token).subarray(0, 40)), /was not ready within/],
  'never says Ready': [(wire, token) => wire.send(preamble(), hello(token)), /was not ready within/],
  'has a wrong token': [(wire) => wire.send(preamble(), hello('wrong')), /refused token_refused/],
  'speaks version 1': [(wire, token) => wire.send(preamble(1), hello(token)), /refused protocol_mismatch/],
  'speaks version 5': [(wire, token) => wire.send(preamble(5), hello(token)), /refused protocol_mismatch/],
  'sends garbage': [(wire) => wire.send(Buffer.alloc(500, 0xff)), /bytes that no worker sends/],
  'begins with another frame': [(wire) => wire.send(preamble(), ready()), /the first frame of a session must be Hello/],
  'says a long Hello': [(wire, token) => wire.send(preamble(), hello(token, { more: 'x'.repeat(70_000) })), /a Hello of \d+ bytes/],
  'says a Hello that is no map': [(wire) => wire.send(preamble(), frame({ kind: HELLO }, NIL)), /a Hello that is no map/],
  'has a token that is no text': [(wire) => wire.send(preamble(), hello(/** @type {any} */ (7))), /a Hello whose token is of another type/],
  'sends 3 MiB without a Hello': [(wire) => wire.send(preamble(), frame({ kind: HELLO, length: 4 * MiB }, Buffer.alloc(3 * MiB))), /a Hello of \d+ bytes/],
  'answers before it is asked': [(wire, token) => wire.send(preamble(), hello(token), result(1)), /an answer to call 1, which is not open/],
  'calls a function before Ready': [(wire, token) => wire.send(preamble(), hello(token), toolFrames.hostCall(5, 1, pack(['never', null, null]))), /a host call before Ready/],
  'has two tools of one name': [(wire, token) => wire.send(preamble(), hello(token), ready(['a', 'a'])), /two tools named a/],
  'has a tool without a name': [(wire, token) => wire.send(preamble(), hello(token), ready([''])), /does not have 1 to 128 characters/],
  'has a tool whose name is long': [(wire, token) => wire.send(preamble(), hello(token), ready(['x'.repeat(129)])), /does not have 1 to 128 characters/],
  'has 65,536 tools': [(wire, token) => wire.send(preamble(), hello(token), longReady(65_536)), /65536 tools, more than 65535/],
  'says a Ready that is no map': [(wire, token) => wire.send(preamble(), hello(token), frame({ kind: READY }, NIL)), /a Ready that is no map/],
  'speaks gRPC': [(wire, token) => {
    wire.close()
    const { socket } = JSON.parse(process.env['TERRARIUM_BOOT'] ?? '{}')
    const other = new Wire(socket)
    other.raw(message(1, 0, [grpcFrame.hello({ token, version: VERSION })]))
  }, /was not ready within/],
}
