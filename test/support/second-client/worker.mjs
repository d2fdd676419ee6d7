// A worker that is not written in Python. A pool starts it; its environment names what it does wrong, and when.
import { existsSync } from 'node:fs'
import { FAULTS, FAULTS_OF_READY } from './faults.mjs'
import { frame, message, Wire } from './wire.mjs'

const { TERRARIUM_BOOT = '{}', FAULT = '', MOMENT = '', GO = '' } = process.env
const { socket, token } = JSON.parse(TERRARIUM_BOOT)
const fault = { ...FAULTS, ...FAULTS_OF_READY }[FAULT]
const wire = new Wire(socket)
// The worker lives on when its stream ends: the host has to kill it.
setInterval(() => {}, 1_000)

const misbehave = () => fault?.say(wire)

/** @type {Readonly<Record<string, Parameters<typeof frame.failure>[1]>>} */
const FAILURES = {
  'a failure from the future': { code: 99, type: 'Odd', message: 'of 2031' },
  'refuses all calls': { code: 4, message: 'not now', notBegun: true },
}
const tick = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))
const called = async (/** @type {number} */ times) => Number((await wire.heard('call', times))?.fields[1])
const NIL = Buffer.from([0xc0])

switch (MOMENT) {
  case 'no Hello':
    break
  case 'in the first message':
    wire.raw(message(1, 0, [frame.hello({ token }), frame.ready(['slow']), frame.unknown()]))
    break
  case 'before Ready':
    wire.send(frame.hello({ token }))
    await wire.heard('welcome')
    misbehave()
    break
  default:
    wire.send(frame.hello({ token }))
    await wire.heard('welcome')
    wire.send(frame.ready(['slow', 'quick']))
    wire.acknowledge()
    await inFlight(await called(1))
}

/** @param {number} first */
async function inFlight(first) {
  const failure = FAILURES[MOMENT]
  if (failure !== undefined) {
    for (let id = first, times = 2; !wire.isOver; id = await called(times++)) {
      wire.send(frame.failure(id, failure))
      // The next message has to wait for this.
      while (wire.acknowledged !== wire.sent && !wire.isOver) await tick(1)
    }
    return
  }
  if (MOMENT === 'idle') {
    wire.send(frame.result(first, NIL))
  } else await called(2)
  wire.acknowledge()
  // If a file is named, the fault waits until the file exists.
  while (GO !== '' && !existsSync(GO)) await tick(5)
  if (MOMENT === 'half a message') wire.raw(Buffer.alloc(10), { length: 1_000 })
  else if (MOMENT === 'answered twice') wire.send(frame.result(first, NIL), frame.result(first, NIL))
  else if (MOMENT === 'hangs up') wire.close()
  else misbehave()
}
