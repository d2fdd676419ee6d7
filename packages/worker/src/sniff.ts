// Tells by the first bytes of a connection which transport it is.
import type { Socket } from 'node:net'
import { MAGIC } from './lane/wire.ts'

/** How HTTP/2 begins, and with it gRPC. */
const HTTP2 = Buffer.from('PRI ')

export interface Sniffed {
  /** The socket lane. `head`: what was read so far, the magic included. */
  readonly lane: (head: Buffer) => void
  /** HTTP/2. Everything that was read is in the socket again, which is paused. */
  readonly http2: () => void
  /** Neither. */
  readonly other: () => void
}

/** Calls back once, when the first bytes have come; not at all if the connection ends before. */
export function sniff(socket: Socket, sniffed: Sniffed): void {
  let head: Buffer | undefined
  const take = (chunk: Buffer): void => {
    head = head === undefined ? chunk : Buffer.concat([head, chunk])
    const isLane = beginsWith(head, MAGIC)
    const isHttp2 = beginsWith(head, HTTP2)
    if ((isLane || isHttp2) && head.length < MAGIC.length) return
    socket.off('data', take)
    if (isLane) sniffed.lane(head)
    else if (isHttp2) {
      socket.pause()
      socket.unshift(head)
      sniffed.http2()
    } else sniffed.other()
  }
  socket.on('data', take)
}

/** Whether the bytes begin as the text does, as far as they go. */
function beginsWith(bytes: Buffer, text: Buffer): boolean {
  const length = Math.min(bytes.length, text.length)
  return bytes.compare(text, 0, length, 0, length) === 0
}
