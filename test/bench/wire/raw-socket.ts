// The contender that shows the floor: bytes over a Unix socket.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Contender } from '../measure.ts'
import { startPeer } from '../peer.ts'

const HEADER = 4

/** The floor: length-prefixed bytes over a Unix socket, everything that is written in one tick in one write. */
export async function openRawSocket(
  python: string,
  directory: string,
): Promise<Contender & { close: () => Promise<void> }> {
  const path = join(directory, 'raw.sock')
  const peer = await startPeer(python, 'wire/echo_socket.py', [path])
  try {
    const socket = connect(path)
    await once(socket, 'connect')
    return {
      name: 'raw socket',
      echo: echoOver(socket),
      close: () => {
        socket.destroy()
        return peer.close()
      },
    }
  } catch (error) {
    await peer.close()
    throw error
  }
}

/** Frames are answered in order. */
function echoOver(socket: Socket): (payload: Buffer) => Promise<Buffer> {
  const pending: { resolve: (reply: Buffer) => void; reject: (error: Error) => void }[] = []
  let outbox: Buffer[] = []
  let waiting: Buffer = Buffer.alloc(0)

  const flush = (): void => {
    socket.write(Buffer.concat(outbox))
    outbox = []
  }
  socket.on('data', (chunk) => {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk])
    let answered = 0
    let start = 0
    while (waiting.length - start >= HEADER) {
      const end = start + HEADER + waiting.readUInt32LE(start)
      if (end > waiting.length) break
      pending[answered++]?.resolve(waiting.subarray(start + HEADER, end))
      start = end
    }
    pending.splice(0, answered)
    waiting = waiting.subarray(start)
  })
  socket.on('close', () => {
    for (const { reject } of pending.splice(0)) reject(new Error('the raw socket was closed'))
  })
  socket.on('error', () => undefined) // 'close' follows

  return (payload) =>
    new Promise((resolve, reject) => {
      pending.push({ resolve, reject })
      if (outbox.length === 0) process.nextTick(flush)
      const header = Buffer.allocUnsafe(HEADER)
      header.writeUInt32LE(payload.length)
      outbox.push(header, payload)
    })
}
