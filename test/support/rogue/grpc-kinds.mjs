// What workers over gRPC can do wrong, and what comes of each. Faults of an open session are those of the second
// client.
import { BAD_VALUES } from './bad-values.mjs'
import { LaneWire, hello as laneHello, preamble, VERSION } from './lane.mjs'
import { TOOL_FAULTS, TOOL_ODDITIES } from './tool-kinds.mjs'
import { FAULTS, FAULTS_OF_READY } from '../second-client/faults.mjs'
import { frame, message } from '../second-client/wire.mjs'

const NEVER = Buffer.from([0x93, 0xa5, ...Buffer.from('never'), 0xc0, 0xc0])

/**
 * With a call: each answers it with bytes that the host ends it for.
 *
 * @type {Record<string, readonly [(wire: import('../second-client/wire.mjs').Wire, id: number) => void, RegExp]>}
 */
export const GRPC_FAULTS = {
  ...Object.fromEntries(Object.entries(FAULTS).map(([name, { say, fault }]) => [name, [say, fault]])),
  ...Object.fromEntries(
    Object.entries(TOOL_FAULTS).map(([name, [says, fault]]) => [
      name,
      [(wire, id) => wire.send(...says(frame, id)), fault],
    ]),
  ),
}

/**
 * With a call: unusual, and allowed. The worker answers the call after it.
 *
 * @type {Record<string, (id: number) => Buffer[]>}
 */
export const GRPC_ODDITIES = Object.fromEntries(
  Object.entries(TOOL_ODDITIES).map(([name, says]) => [name, (id) => says(frame, id)]),
)

/**
 * With a call: the call has an error, and the worker goes on.
 *
 * @type {Record<string, readonly [(id: number) => Buffer, RegExp]>}
 */
export const GRPC_ERRORS = {
  ...Object.fromEntries(
    Object.entries(BAD_VALUES).map(([name, bytes]) => [
      name,
      [(id) => frame.result(id, bytes), /^RESULT_NOT_SENDABLE/],
    ]),
  ),
  'a failure code of the future': [
    (id) => frame.failure(id, { code: 999, message: 'of 2031' }),
    /^PYTHON_ERROR.*failure code 999/,
  ],
  'an empty Failure': [(id) => frame.failure(id, { code: 1 }), /^PYTHON_ERROR/],
}

/**
 * Before it is ready, given its token.
 *
 * @type {Record<string, readonly [(wire: import('../second-client/wire.mjs').Wire, token: string) => unknown, RegExp]>}
 */
// prettier-ignore
export const GRPC_STARTS = {
  'says nothing': [() => {}, /was not ready within/],
  'says half a Hello': [(wire) => wire.raw(Buffer.alloc(3), { length: 100 }), /was not ready within/],
  'never says Ready': [(wire, token) => wire.send(frame.hello({ token, version: VERSION })), /was not ready within/],
  'has a wrong token': [(wire) => wire.send(frame.hello({ token: 'wrong', version: VERSION })), /refused no worker is expected with this token/],
  'has a token of 1 MB': [(wire) => wire.send(frame.hello({ token: 'x'.repeat(1_000_000), version: VERSION })), /refused no worker is expected with this token/],
  'speaks version 1': [(wire, token) => wire.send(frame.hello({ token, version: 1 })), /refused this host speaks version 4 .* speaks 1/],
  'speaks version 5': [(wire, token) => wire.send(frame.hello({ token, version: 5 })), /refused this host speaks version 4 .* speaks 5/],
  'sends garbage': [(wire) => wire.raw(Buffer.alloc(100, 0xff)), /refused .*deserializing/],
  'begins with another frame': [(wire) => wire.send(frame.ready(['work'])), /refused the first frame of a session must be Hello/],
  'begins with an unknown frame': [(wire) => wire.send(frame.unknown()), /refused the first frame of a session must be Hello/],
  'begins with an empty message': [(wire) => wire.raw(Buffer.alloc(0)), /refused the first frame of a session must be Hello/],
  'begins with a message over the limit': [(wire) => wire.raw(Buffer.alloc(9), { length: 2 ** 28 + 1 }), /refused .*larger than max/],
  'says Ready and an unknown frame with its Hello': [(wire, token) => wire.raw(message(1, 0, [frame.hello({ token, version: VERSION }), frame.ready(['work']), frame.unknown()])), /a frame of a kind/],
  'calls a function before Ready': [async (wire, token) => {
    wire.send(frame.hello({ token, version: VERSION }))
    await wire.heard('welcome')
    wire.send(frame.hostCall(5, 1, NEVER))
  }, /a host call before Ready/],
  'speaks the lane': [(wire, token) => {
    wire.close()
    const { socket } = JSON.parse(process.env['TERRARIUM_BOOT'] ?? '{}')
    new LaneWire(socket).send(preamble(), laneHello(token))
  }, /was not ready within/],
  ...Object.fromEntries(Object.entries(FAULTS_OF_READY).map(([name, { say, fault }]) => [name, [async (wire, token) => {
    wire.send(frame.hello({ token, version: VERSION }))
    await wire.heard('welcome')
    wire.acknowledge()
    say(wire)
  }, fault]])),
}
