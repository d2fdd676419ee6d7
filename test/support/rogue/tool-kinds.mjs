// What workers of both transports can do wrong with the frames of an open call: items, progress, feeds and host calls.
// The call wants neither items nor progress, and has no feeds. The pool exposes `never`, which has no answer.
import { pack } from 'msgpackr/pack'

/**
 * Makes the frames of one transport.
 *
 * @typedef {object} ToolFrames
 * @property {(call: number, value: Buffer) => Buffer} item
 * @property {(call: number, done: number) => Buffer} progress
 * @property {(id: number, call: number, body: Buffer, isStream?: boolean) => Buffer} hostCall
 * @property {(id: number) => Buffer} hostCancel
 * @property {(id: number, bytes: number) => Buffer} hostCredit
 * @property {(call: number, feed: number, bytes: number) => Buffer} want
 */

/** @typedef {(frames: ToolFrames, call: number) => Buffer[]} Says */

const NIL = pack(null)
const NEVER = pack(['never', null, null])
/** A host call with this body. @type {(body: unknown) => Says} */
const asks = (body) => (frames, call) => [frames.hostCall(5, call, pack(body))]

/**
 * The worker is killed for it.
 *
 * @type {Readonly<Record<string, readonly [Says, RegExp]>>}
 */
// prettier-ignore
export const TOOL_FAULTS = {
  'an Item of a call without a stream': [(frames, call) => [frames.item(call, NIL)], /an item of call \d+, which is no open stream/],
  'an Item of no call': [(frames, call) => [frames.item(call + 7, NIL)], /an item of call \d+, which is no open stream/],
  'a Progress that was not asked for': [(frames, call) => [frames.progress(call, 1)], /a Progress of call \d+, which did not ask for it/],
  'a Progress of no call': [(frames, call) => [frames.progress(call + 7, 1)], /a Progress of call \d+, which did not ask for it/],
  'a Want of a call without feeds': [(frames, call) => [frames.want(call, 0, 9)], /a Want for feed 0 of call \d+, which it does not have/],
  'the end of a feed that there is not': [(frames, call) => [frames.want(call, 3, 0)], /a Want for feed 3 of call \d+, which it does not have/],
  'a HostCall with number 0': [(frames, call) => [frames.hostCall(0, call, NEVER)], /a host call with number 0/],
  'a HostCall with a number that is open': [(frames, call) => [frames.hostCall(5, call, NEVER), frames.hostCall(5, call, NEVER)], /a host call with number 5, which is open/],
  'a HostCall that is nil': [asks(null), /a HostCall that is no array/],
  'a HostCall that is a map': [asks({ name: 'never' }), /a HostCall that is no array/],
  'a HostCall that is empty': [asks([]), /a HostCall that is not name, arguments and time/],
  'a HostCall with a name alone': [asks(['never']), /a HostCall that is not name, arguments and time/],
  'a HostCall with more than there is': [asks(['never', null, null, null]), /a HostCall that is not name, arguments and time/],
  'a HostCall whose name is a number': [asks([7, null, null]), /a HostCall that is not name, arguments and time/],
  'a HostCall whose arguments are text': [asks(['never', 'text', null]), /a HostCall whose arguments are neither a map nor an array/],
  'a HostCall whose arguments are bytes': [asks(['never', Buffer.alloc(3), null]), /a HostCall whose arguments are neither a map nor an array/],
  'a HostCall whose arguments are a time': [asks(['never', new Date(0), null]), /a HostCall whose arguments are neither a map nor an array/],
  'a HostCall whose time is text': [asks(['never', null, 'soon']), /a HostCall with a time that is no number of ms/],
  'a HostCall whose time is 0': [asks(['never', null, 0]), /a HostCall with a time that is no number of ms/],
  'a HostCall whose time is over': [asks(['never', null, -5]), /a HostCall with a time that is no number of ms/],
  'a HostCall whose time is no number': [asks(['never', null, NaN]), /a HostCall with a time that is no number of ms/],
  'a HostCredit without a stream': [(frames, call) => [frames.hostCall(5, call, NEVER), frames.hostCredit(5, 9)], /a HostCredit for host call 5, whose items are not wanted/],
  'a HostCredit of 0 bytes': [(frames) => [frames.hostCredit(5, 0)], /a HostCredit of 0 bytes/],
}

/**
 * Unusual, and allowed: the worker answers its call after it.
 *
 * @type {Readonly<Record<string, Says>>}
 */
export const TOOL_ODDITIES = {
  'a Want of no call': (frames, call) => [frames.want(call + 7, 0, 9)],
  'a HostCancel of no host call': (frames) => [frames.hostCancel(5)],
  'a HostCredit of no host call': (frames) => [frames.hostCredit(5, 9)],
  'a HostCall of no call': (frames, call) => [frames.hostCall(5, call + 7, NEVER)],
  'a HostCall that is no msgpack': (frames, call) => [frames.hostCall(5, call, Buffer.from([0xc1]))],
  'a HostCall of no function': (frames, call) => [frames.hostCall(5, call, pack(['nothing', null, null]))],
  'a HostCall with items, and its end': (frames, call) => [
    frames.hostCall(5, call, NEVER, true),
    frames.hostCredit(5, 9),
    frames.hostCancel(5),
    frames.hostCancel(5),
  ],
  'a HostCall whose number comes again after its answer': (frames, call) =>
    Array.from({ length: 3 }, () => frames.hostCall(5, call, pack(['nothing', null, null]))),
  'a HostCall that is open when its call is answered': (frames, call) => [frames.hostCall(5, call, NEVER)],
}
