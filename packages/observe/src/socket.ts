// The private Unix socket of an observer, in a folder that only this user may enter. What is found there after a crash
// of the host is removed by the next observer, or by the next reader that looks for observers.
import { chmodSync, rmSync, utimesSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { MESSAGE_BYTES } from '@terrarium/inspector/protocol'
import { chooseSocketFolder, makePrivateFolder } from '@terrarium/process/system'
import { TerrariumError } from '@terrarium/supervisor/base'
import { FOLDER, SOCKET } from './client/places.ts'
import type { ReaderConnection, ReaderPort } from './reader.ts'

/** Time between two touches of folder and socket, in ms: old files in temporary folders are cleaned up. */
const TOUCH_EVERY = 3_600_000

export class ObserverSocket {
  /** The path of the socket. */
  readonly path: string
  readonly #folder: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #touching: NodeJS.Timeout

  private constructor(folder: string, connect: (port: ReaderPort) => ReaderConnection) {
    this.#folder = folder
    this.path = join(folder, SOCKET)
    this.#server = createServer((socket) => {
      this.#accept(socket, connect)
    })
    this.#touching = setInterval(() => {
      this.#touch()
    }, TOUCH_EVERY).unref()
  }

  /**
   * Errors: CONFIGURATION when there is no folder for sockets, START_FAILED when the socket cannot be made. It does not
   * keep the host process alive.
   */
  static async listen(connect: (port: ReaderPort) => ReaderConnection): Promise<ObserverSocket> {
    const uid = process.getuid?.()
    if (uid === undefined) throw new TerrariumError('CONFIGURATION', 'This system does not know users by number')
    const folder = chooseSocketFolder(`${FOLDER}${process.pid}-${randomBytes(4).toString('hex')}`, SOCKET)
    makePrivateFolder(folder, uid)
    const socket = new ObserverSocket(folder, connect)
    try {
      await socket.#open()
    } catch (cause) {
      await socket.close()
      throw new TerrariumError('START_FAILED', `no socket can be made in ${folder}`, { cause })
    }
    return socket
  }

  /** Closes it and removes its folder. */
  async close(): Promise<void> {
    clearInterval(this.#touching)
    process.off('exit', this.#remove)
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    this.#remove()
  }

  readonly #remove = (): void => {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.path, () => {
        this.#server.off('error', reject)
        this.#server.on('error', () => undefined) // a connection that cannot be accepted is that reader's loss
        this.#server.unref()
        chmodSync(this.path, 0o600)
        process.once('exit', this.#remove)
        resolve()
      })
    })
  }

  #accept(socket: Socket, connect: (port: ReaderPort) => ReaderConnection): void {
    socket.unref()
    this.#sockets.add(socket)
    const connection = connect({
      send: (text) => {
        socket.write(`${text}\n`)
      },
      buffered: () => socket.writableLength,
      address: 'the private socket',
      close: () => {
        socket.end()
        setTimeout(() => socket.destroy(), LINGER).unref()
      },
    })
    let rest = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line !== '') connection.receive(line)
      // A line without an end is not collected.
      if (rest.length > MESSAGE_BYTES) socket.destroy()
    })
    socket.on('error', () => undefined) // `close` follows
    socket.on('close', () => {
      this.#sockets.delete(socket)
      connection.closed()
    })
  }

  #touch(): void {
    const now = new Date()
    for (const path of [this.#folder, this.path]) {
      try {
        utimesSync(path, now, now)
      } catch {
        // It was removed: readers that are connected stay.
      }
    }
  }
}

/** How long a reader that was cut off may still read what was sent, in ms. */
const LINGER = 1_000
