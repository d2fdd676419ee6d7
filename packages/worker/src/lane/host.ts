// One connection of a worker that speaks the socket lane: its preamble, its Hello, and the frames of its session.
import type { Socket } from 'node:net'
import { messageOf, type SupervisorClock } from '@terrarium/supervisor/base'
import type { WorkerFrame } from '../frame.ts'
import { areProcessorsFree } from '../processors.ts'
import { mismatch, type Reception, type Refusal } from '../reception.ts'
import { Session } from '../session.ts'
import { PROTOCOL_VERSION } from '../version.ts'
import { refusedBody } from './bodies.ts'
import { putHeader } from './header.ts'
import { LaneParser } from './parser.ts'
import { readInPlace } from './read-in-place.ts'
import { HEADER_BYTES, HOST_KIND, PREAMBLE, REFUSED_CODE } from './wire.ts'
import { LaneWriter } from './writer.ts'

export interface LaneDependencies {
  readonly reception: Pick<Reception, 'greet'>
  /** Called when the worker has presented its token. */
  readonly authenticated: () => void
  /** Ends a connection that has not, for this reason. */
  readonly refused: (why: string) => void
  /** For the time that a connection is read after a write has failed. */
  readonly clock: SupervisorClock
}

/** How long a connection is read after a write has failed, in ms. */
const LAST_READ_MS = 1_000

/** Serves a connection that begins with the magic. `head`: what was read of it. */
export function serveLane(socket: Socket, head: Buffer, dependencies: LaneDependencies): void {
  const { reception, authenticated, refused, clock } = dependencies
  let session: Session | undefined
  /** What the worker did that the protocol does not allow. */
  let fault: string | undefined
  let isRefused = false
  const refuse = (refusal: Refusal): void => {
    isRefused = true
    socket.end(refusalOf(refusal))
    socket.destroySoon()
  }
  const greet = (frame: WorkerFrame): void => {
    if (frame.kind !== 'hello' || isRefused) return
    const greeted = reception.greet(frame, 'socket', new LaneWriter(socket, areProcessorsFree))
    if (greeted instanceof Session) {
      session = greeted
      authenticated()
      session.receive(frame)
    } else refuse(greeted)
  }
  const parser = new LaneParser(
    (frame) => {
      if (session === undefined) greet(frame)
      else session.receive(frame)
    },
    (kind, id, bytes, start, end) => {
      session?.receivePart(kind, id, bytes, start, end)
    },
  )
  const take = (chunk: Buffer): void => {
    if (isRefused) return
    try {
      parser.take(chunk)
    } catch (error) {
      fault ??= messageOf(error)
      if (session === undefined) refused(`a worker broke the protocol: ${fault}`)
      session?.close(fault)
      socket.destroy()
    }
  }
  /** The bytes of the preamble, until it is whole. */
  let preamble = Buffer.alloc(0)
  const begin = (chunk: Buffer): void => {
    preamble = Buffer.concat([preamble, chunk])
    if (preamble.length < PREAMBLE.length) return
    socket.off('data', begin)
    const version = preamble.readUInt16LE(4)
    if (version !== PROTOCOL_VERSION) refuse(mismatch(version, ''))
    else if (preamble.readUInt16LE(6) !== 0) refused('a worker broke the protocol: a preamble that does not end in 0')
    else {
      readInPlace(socket, take)
      take(preamble.subarray(PREAMBLE.length))
    }
  }
  const end = (): void => {
    session?.close(fault)
  }
  socket.on('end', end).on('close', end)
  readAfterFailedWrite(socket, clock)
  socket.on('data', begin)
  begin(head)
}

/**
 * A socket is destroyed when a write fails, and what it has not read is lost: the answers of a worker that has just
 * died. Here it is read to the end first, for a second at most.
 */
function readAfterFailedWrite(socket: Socket, clock: SupervisorClock): void {
  let timer: unknown
  const failed = (): void => {
    timer ??= clock.setTimeout(() => {
      socket.destroy()
    }, LAST_READ_MS)
  }
  socket.once('close', () => {
    if (timer !== undefined) clock.clearTimeout(timer)
  })
  type Callback = (error?: Error | null) => void
  const settled =
    (callback: Callback): Callback =>
    (error) => {
      if (error !== undefined && error !== null) failed()
      callback()
    }
  const write = socket._write.bind(socket)
  const writev = socket._writev?.bind(socket)
  socket._write = (chunk, encoding, callback) => {
    write(chunk, encoding, settled(callback))
  }
  if (writev !== undefined) {
    socket._writev = (chunks, callback) => {
      writev(chunks, settled(callback))
    }
  }
}

/** The preamble, and why the worker is turned away. */
function refusalOf({ refused, message }: Refusal): Buffer {
  const body = refusedBody(message)
  const header = Buffer.alloc(HEADER_BYTES)
  putHeader(header, 0, body.length, HOST_KIND.refused, 0, REFUSED_CODE[refused], 0, 0)
  return Buffer.concat([PREAMBLE, header, body])
}
