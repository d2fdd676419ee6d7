// A worker in another language than Python: Node, over gRPC. Its messages are loaded from session.proto, and nothing
// else of this project is known to it. A pool starts it in the place of a Python worker.
import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { addExtension, pack, unpack } from 'msgpackr'

const PROTO = fileURLToPath(new URL('../../../proto/terrarium/v1/session.proto', import.meta.url))
const VERSION = 4
const [PYTHON_ERROR, TOOL_NOT_FOUND, CANCELLED] = [1, 2, 4]

/** An array, which is sent back as it came. */
class Kept {
  constructor(/** @type {Buffer} */ payload) {
    this.payload = payload
  }
}
addExtension({
  Class: Kept,
  type: 1,
  pack: ({ payload }) => payload,
  unpack: (payload) => new Kept(Buffer.from(payload)),
})

/** @type {any} */
const { terrarium } = loadPackageDefinition(loadSync(PROTO, { oneofs: true, defaults: true, enums: Number }))
const { socket, token } = JSON.parse(process.env.TERRARIUM_BOOT ?? '{}')

/**
 * Async tools are given a promise of their cancellation.
 *
 * @type {Record<string, (args: any, stopped?: Promise<never>) => any>}
 */
const tools = {
  echo: ({ value }) => value,
  fail: ({ message }) => {
    throw new RangeError(message)
  },
  bytes: ({ count }) => Buffer.alloc(count),
  text: ({ count }) => 'é'.repeat(count),
  wait: async ({ seconds }, stopped) => {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, seconds * 1_000)), stopped])
    return 'waited'
  },
}
const isAsync = (/** @type {string} */ name) => name === 'wait'

const client = new terrarium.v1.HostService(`unix:${socket}`, credentials.createInsecure(), {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
})
const stream = client.session()

/** @type {object[]} */
let outbox = []
let [sent, acknowledged, received, receivedAcknowledged] = [0, 0, 0, 0]

/** Sends what waits if the last message is acknowledged, and else the acknowledgement that is owed. */
function flush() {
  const frames = acknowledged === sent ? outbox.splice(0) : []
  if (frames.length === 0 && receivedAcknowledged === received) return
  if (frames.length > 0) sent += 1
  receivedAcknowledged = received
  stream.write({ seq: frames.length > 0 ? sent : 0, ack: received, frames })
}

function say(/** @type {object} */ frame) {
  outbox.push(frame)
  setImmediate(flush)
}

/** How to cancel each open call of an async tool, by its id. @type {Map<number, (reason: Error) => void>} */
const open = new Map()
class Cancelled extends Error {}

/** @param {{ id: number, tool: string, arguments: Buffer }} call */
async function run({ id, tool, arguments: packed }) {
  const body = tools[tool]
  if (body === undefined) {
    say({ failure: { id, code: TOOL_NOT_FOUND, message: `there is no tool ${tool}` } })
    return
  }
  const stopped = new Promise((_, reject) => open.set(id, reject))
  stopped.catch(() => {})
  try {
    const value = await body(unpack(packed), /** @type {Promise<never>} */ (stopped))
    say({ result: { id, value: pack(value) } })
  } catch (error) {
    const { name, message, stack } = /** @type {Error} */ (error)
    const code = error instanceof Cancelled ? CANCELLED : PYTHON_ERROR
    say({ failure: { id, code, type: name, message, traceback: stack } })
  }
  open.delete(id)
}

stream.on('data', (/** @type {any} */ { seq, ack, frames }) => {
  acknowledged = ack
  if (seq > 0) received = seq
  for (const { kind, welcome, call, cancel, ping } of frames) {
    if (kind === 'welcome') {
      if (welcome.protocolVersion !== VERSION) process.exit(78)
      say({ ready: { tools: Object.keys(tools).map((name) => ({ name, isAsync: isAsync(name), summary: '' })) } })
    } else if (kind === 'call') void run(call)
    else if (kind === 'cancel' && !cancel.unlessBegun) open.get(cancel.id)?.(new Cancelled('cancelled'))
    else if (kind === 'ping') say({ pong: { nonce: ping.nonce, running: 0 } })
  }
  setImmediate(flush)
})
stream.on('end', () => process.exit(0))
stream.on('error', (/** @type {Error} */ error) => {
  console.error(`second peer: ${error.message}`)
  process.exit(75)
})
say({
  hello: {
    protocolVersion: VERSION,
    token,
    pid: process.pid,
    packageVersion: 'second peer',
    pythonVersion: process.version,
  },
})
