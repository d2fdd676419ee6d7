// What a worker can say that the protocol does not allow, and what the host answers. Each is said by an open session
// that has received everything and owes nothing.
import { frame, message } from './wire.mjs'

const TOOL = 'anything'
const next = (/** @type {import('./wire.mjs').Wire} */ wire) => wire.sent + 1

/** @type {Readonly<Record<string, import('./faults.mjs').Fault>>} */
export const FAULTS = {
  'a number that skips': { say: (wire) => wire.raw(message(next(wire) + 5, wire.received, [frame.unknown()])), fault: /message \d+ follows \d+/ }, // prettier-ignore
  'a number that comes again': { say: (wire) => wire.raw(message(wire.sent, wire.received, [frame.unknown()])), fault: /message \d+ follows \d+/ }, // prettier-ignore
  'an acknowledgement of what was never sent': { say: (wire) => wire.raw(message(0, wire.received + 9, [])), fault: /message \d+ was acknowledged, sent were \d+/ }, // prettier-ignore
  'frames without a number': { say: (wire) => wire.raw(message(0, wire.received, [frame.pong(1)])), fault: /a message without a number has frames/ }, // prettier-ignore
  'a number without frames': { say: (wire) => wire.raw(message(next(wire), wire.received, [])), fault: /has no frames/ }, // prettier-ignore
  'two messages at once': { say: (wire) => { wire.send(frame.ready([TOOL])); wire.send(frame.ready([TOOL])) }, fault: /came before \d+ was acknowledged|a second Ready/ }, // prettier-ignore
  'an unknown kind of frame': { say: (wire) => wire.send(frame.unknown()), fault: /a frame of a kind that this version does not know/ }, // prettier-ignore
  'an empty frame': { say: (wire) => wire.send(Buffer.alloc(0)), fault: /a frame of a kind that this version does not know/ }, // prettier-ignore
  'a second Hello': { say: (wire) => wire.send(frame.hello({})), fault: /a second Hello/ },
  'a Pong without a Ping': { say: (wire) => wire.send(frame.pong(99)), fault: /a Pong that was not asked for/ },
  'a Result of no call': { say: (wire) => wire.send(frame.result(4_000_000, Buffer.from([0xc0]))), fault: /an answer to call 4000000, which is not open/ }, // prettier-ignore
  'a Failure of call 0': {
    say: (wire) => wire.send(frame.failure(0)),
    fault: /an answer to call 0, which is not open/,
  },
  garbage: { say: (wire) => wire.raw(Buffer.alloc(1_000, 0xff)), fault: /deserializing/ },
  'a torn message': { say: (wire) => wire.raw(message(next(wire), wire.received, [frame.ready(['x'.repeat(99)])]).subarray(0, 50)), fault: /deserializing/ }, // prettier-ignore
  'text in a foreign encoding': { say: (wire) => wire.raw(Buffer.from('GET / HTTP/1.1\r\n\r\n')), fault: /deserializing|message/ }, // prettier-ignore
  'a message over the limit': { say: (wire) => wire.raw(Buffer.alloc(1_000), { length: 2 ** 28 + 1 }), fault: /larger than max/ }, // prettier-ignore
  'a message that says it is compressed': { say: (wire) => wire.raw(Buffer.alloc(100, 7), { flag: 1 }), fault: /./ },
}

/** Faults of a session that is not ready yet. @type {typeof FAULTS} */
export const FAULTS_OF_READY = {
  'a Ready with two tools of one name': { say: (wire) => wire.send(frame.ready(['a', 'b', 'a'])), fault: /two tools named a/ }, // prettier-ignore
  'a Ready with a tool without a name': { say: (wire) => wire.send(frame.ready([''])), fault: /does not have 1 to 128 characters/ }, // prettier-ignore
  'a Ready with a name of 10 MB': { say: (wire) => wire.send(frame.ready(['x'.repeat(10_000_000)])), fault: /does not have 1 to 128 characters/ }, // prettier-ignore
  'a Ready with 65,536 tools': { say: (wire) => wire.send(frame.ready(Array.from({ length: 65_536 }, (_, n) => `t${n}`))), fault: /65536 tools, more than 65535/ }, // prettier-ignore
  'Ready twice in one message': { say: (wire) => wire.send(frame.ready([TOOL]), frame.ready([TOOL])), fault: /a second Ready/ }, // prettier-ignore
  'Ready and an unknown frame in one message': { say: (wire) => wire.send(frame.ready([TOOL]), frame.unknown()), fault: /a frame of a kind/ }, // prettier-ignore
}
