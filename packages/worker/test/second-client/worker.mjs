// A worker that is no Python: the process that a pool starts, with the name of what it does wrong, and when, in its
// environment.
import { FAULTS, FAULTS_OF_READY } from './faults.mjs'
import { frame, message, Wire } from './wire.mjs'

const { TERRARIUM_BOOT = '{}', FAULT = '', MOMENT = '' } = process.env
const { socket, token } = JSON.parse(TERRARIUM_BOOT)
const fault = { ...FAULTS, ...FAULTS_OF_READY }[FAULT]
const wire = new Wire(socket)
// It lives on, whatever becomes of its stream: the host has to end it.
setInterval(() => {}, 1_000)

const misbehave = () => fault?.say(wire)

if (MOMENT === 'in the first message') {
  wire.raw(message(1, 0, [frame.hello({ token }), frame.ready(['slow']), frame.unknown()]))
} else {
  wire.send(frame.hello({ token }))
  await wire.heard('welcome')
  if (MOMENT === 'before Ready') misbehave()
  else {
    wire.send(frame.ready(['slow', 'quick']))
    wire.acknowledge()
    await wire.heard('call', Number(process.env.CALLS ?? 1))
    wire.acknowledge()
    if (MOMENT === 'half a message') wire.raw(Buffer.alloc(10), { length: 1_000 })
    else if (MOMENT === 'answered twice') {
      const id = Number((await wire.heard('call'))?.fields[1])
      wire.send(frame.result(id, Buffer.from([0xc0])), frame.result(id, Buffer.from([0xc0])))
    } else if (MOMENT === 'hangs up') wire.close()
    else setTimeout(misbehave, Number(process.env.AFTER ?? 0))
  }
}
