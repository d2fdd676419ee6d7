// A rogue worker. A pool starts it in the place of a Python worker. It takes what it does wrong from a plan that all
// workers of the pool share: one kind when it starts, if there is one for that, and one with each call.
import { existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { GRPC_ERRORS, GRPC_FAULTS, GRPC_ODDITIES, GRPC_STARTS } from './grpc-kinds.mjs'
import { LANE_ERRORS, LANE_FAULTS, LANE_ODDITIES, LANE_STARTS } from './lane-kinds.mjs'
import { hello, LaneWire, preamble, ready, result, VERSION } from './lane.mjs'
import { frame, Wire } from '../second-client/wire.mjs'

const { socket, token, transport } = JSON.parse(process.env['TERRARIUM_BOOT'] ?? '{}')
const folder = process.env['ROGUE_FOLDER'] ?? ''
// The boot report: it runs, so its end is not taken for that of an interpreter that cannot be started.
writeSync(4, `${JSON.stringify({ phase: 'boot', pid: process.pid })}\n`)
// The worker lives on when its connection ends: the host has to kill it.
setInterval(() => {}, 1_000)

/** The next kind of a plan, which it prints; undefined when the plan is over. */
function next(/** @type {'starts' | 'calls'} */ plan) {
  /** @type {string[]} */
  const kinds = JSON.parse(readFileSync(join(folder, `${plan}.json`), 'utf8'))
  for (const [index, kind] of kinds.entries()) {
    const claim = join(folder, `${plan}-${index}`)
    if (existsSync(claim)) continue
    try {
      openSync(claim, 'wx')
    } catch {
      continue // another worker was faster
    }
    process.stdout.write(`takes ${kind}\n`)
    return kind
  }
  return undefined
}

function refused(/** @type {string} */ why) {
  process.stderr.write(`refused ${why}\n`)
  process.exit(75)
}

async function serveLane() {
  const wire = new LaneWire(socket)
  const start = next('starts')
  const act = LANE_STARTS[start ?? '']?.[0]
  if (act !== undefined) {
    void wire.first('refused').then((frame) => {
      if (frame !== undefined) refused(frame.code === 1 ? 'protocol_mismatch' : 'token_refused')
      else if (!(start === 'speaks gRPC')) process.exit(75)
    })
    act(wire, token)
    return
  }
  wire.send(preamble(), hello(token))
  await wire.first('welcome')
  wire.send(ready())
  for (let calls = 0; !wire.isOver;) {
    await wire.first('call')
    for (const { id } of wire.heard.filter(({ kind }) => kind === 'call').slice(calls)) {
      calls += 1
      const kind = next('calls') ?? ''
      const [says, , hangsUp] = LANE_FAULTS[kind] ?? LANE_ERRORS[kind] ?? [result]
      const oddity = LANE_ODDITIES[kind]
      if (oddity !== undefined) await oddity(wire, id)
      else if (kind === 'never answers') continue
      else if (kind === 'answers half') wire.send(result(id).subarray(0, 17))
      else if (kind === 'answers twice') wire.send(result(id), result(id))
      else wire.send(says(id))
      if (hangsUp === true) setTimeout(() => wire.close(), 50)
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const done = (/** @type {number} */ id) => frame.result(id, Buffer.from([0xa4, ...Buffer.from('done')]))

async function serveGrpc() {
  const wire = new Wire(socket)
  void wire.ended.then(() => {
    if (wire.status !== undefined && act !== undefined) refused(wire.status.details)
  })
  const act = GRPC_STARTS[next('starts') ?? '']?.[0]
  if (act !== undefined) {
    await act(wire, token)
    return
  }
  wire.send(frame.hello({ token, version: VERSION }))
  await wire.heard('welcome')
  wire.send(frame.ready(['work']))
  wire.acknowledge()
  // The answers to host calls: the host sends no call before they are acknowledged.
  wire.stream.on('data', () => {
    if (wire.frames.at(-1)?.kind === '?') wire.acknowledge()
  })
  for (let calls = 1; !wire.isOver; calls += 1) {
    const call = await wire.heard('call', calls)
    if (call === undefined) return
    const id = Number(call.fields[1])
    const kind = next('calls') ?? ''
    if (kind === 'never acknowledges' || kind === 'never answers') continue
    wire.acknowledge()
    if (kind === 'answers half') wire.raw(Buffer.alloc(10), { length: 1_000 })
    else if (GRPC_FAULTS[kind] !== undefined) GRPC_FAULTS[kind][0](wire, id)
    else if (GRPC_ODDITIES[kind] !== undefined) wire.send(...GRPC_ODDITIES[kind](id), done(id))
    else if (kind === 'answers twice') wire.send(done(id), done(id))
    else wire.send(GRPC_ERRORS[kind]?.[0](id) ?? done(id))
    while (wire.acknowledged !== wire.sent && !wire.isOver) await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

await (transport === 'socket' ? serveLane() : serveGrpc())
