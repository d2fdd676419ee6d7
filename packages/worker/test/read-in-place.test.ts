import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readInPlace } from '../src/lane/read-in-place.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-')) // short: a socket is in here
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

/**
 * Sends a byte, which is read with the event `data`, and then the pieces, each when the last one has come. Returns what
 * was read in place, and how much memory it came in.
 */
async function readAfterFirstByte(pieces: readonly Buffer[], prepare: (socket: Socket) => void) {
  const server = createServer().listen(join(folder, 's'))
  await once(server, 'listening')
  const client = connect(join(folder, 's'))
  const [socket] = (await once(server, 'connection')) as [Socket]
  client.write('x')
  await once(socket, 'data')
  prepare(socket)
  const memory = new Set<ArrayBufferLike>()
  const read: Buffer[] = []
  let awaited = 0
  let isThere = (): void => undefined
  readInPlace(socket, (bytes) => {
    memory.add(bytes.buffer)
    read.push(Buffer.from(bytes))
    awaited -= bytes.length
    if (awaited <= 0) isThere()
  })
  for (const piece of pieces) {
    await new Promise<void>((resolve) => {
      isThere = resolve
      awaited = piece.length
      client.write(piece)
    })
  }
  const ended = once(socket, 'end')
  client.end()
  await ended
  socket.destroy()
  server.close()
  return { read: Buffer.concat(read), memory: memory.size, bytesRead: socket.bytesRead }
}

const pieces = [1, 100, 70_000, 3_000_000].map((length, index) => Buffer.alloc(length, index + 1))
const all = Buffer.concat(pieces)

test('everything comes, in order, in the same memory, and then the end', async () => {
  const { read, memory, bytesRead } = await readAfterFirstByte(pieces, () => undefined)
  expect(read.equals(all)).toBe(true)
  expect(memory).toBe(1)
  expect(bytesRead).toBe(all.length + 1)
})

test('a runtime without the internals of Node reads in the ordinary way', async () => {
  const { read, memory } = await readAfterFirstByte(pieces, (socket) => {
    const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kBufferCb')
    Object.defineProperty(socket, symbol ?? '', { value: undefined })
  })
  expect(read.equals(all)).toBe(true)
  expect(memory).toBeGreaterThan(1)
})
