import { createServer, type Server, type Socket } from 'node:net'
import { systemClock, TerrariumError, type SupervisorClock } from '@terrarium/supervisor/base'

/** How long a connection may take to present a token, in ms. */
export const HELLO_TIMEOUT = 30_000
/** What it may send before, in bytes: a Hello, and a Ready with thousands of tools. */
export const HELLO_BYTES = 1024 * 1024
/** So many connections may be without a token, beside one for each worker that is expected. */
export const STRANGERS = 32
/** How often the bytes of those connections are looked at, in ms. */
const LOOK_EVERY = 25

/** What the system may have again later; any other reason not to listen is configuration. */
const SHORTAGES: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

export interface ConnectionOptions {
  /** Takes a connection that may go on. */
  readonly admit: (socket: Socket) => void
  /** How many workers are expected to dial now. */
  readonly expected: () => number
  /** Told why a connection was refused or ended. */
  readonly refused: (why: string) => void
  readonly clock?: SupervisorClock | undefined
}

interface Stranger {
  readonly socket: Socket
  readonly timer: unknown
}

/**
 * The listening sockets. A connection is a stranger until it has presented the token of an expected worker: strangers
 * are limited in number, in time, and in what they may send.
 */
export class Connections {
  readonly #servers: Server[] = []
  readonly #options: ConnectionOptions
  readonly #clock: SupervisorClock
  readonly #all = new Set<Socket>()
  readonly #strangers = new Map<string, Stranger>()
  #isReferenced = true
  #count = 0
  #look: unknown

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /**
   * Listens on a Unix socket, beside those that it listens on already. Errors: CONFIGURATION when there can be none at
   * that path, START_FAILED when the system is short of something.
   */
  async listen(path: string): Promise<void> {
    const server = createServer((socket) => {
      this.#open(socket)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const code = SHORTAGES.has(cause.code) ? 'START_FAILED' : 'CONFIGURATION'
        reject(new TerrariumError(code, `cannot listen on ${path}: ${cause.message}`, { cause }))
      })
      server.listen(path, resolve)
    })
    // A connection that cannot be taken (no descriptor left) fails for itself.
    server.removeAllListeners('error').on('error', () => undefined)
    this.#servers.push(server)
    if (!this.#isReferenced) server.unref()
  }

  /** The connection of this name has presented its token. */
  authenticated(name: string): void {
    const stranger = this.#strangers.get(name)
    if (stranger === undefined) return
    this.#clock.clearTimeout(stranger.timer)
    this.#strangers.delete(name)
  }

  /** Whether it keeps the host process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    for (const each of [...this.#servers, ...this.#all]) {
      if (isReferenced) each.ref()
      else each.unref()
    }
  }

  /** Stops listening and ends every connection. */
  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#all) socket.destroy()
    if (this.#look !== undefined) this.#clock.clearTimeout(this.#look)
  }

  #open(socket: Socket): void {
    socket.on('error', () => undefined) // its end is told by the stream on it
    if (this.#strangers.size >= STRANGERS + this.#options.expected()) {
      socket.destroy()
      this.#options.refused(`${this.#strangers.size} connections have not presented a token yet`)
      return
    }
    const name = `connection-${++this.#count}`
    // A Unix socket has no address. This one lets a stream tell, as its peer, which connection it is on.
    Object.defineProperty(socket, 'remoteAddress', { value: name })
    const timer = this.#clock.setTimeout(() => {
      this.#end(name, `a connection has not presented a token within ${HELLO_TIMEOUT} ms`)
    }, HELLO_TIMEOUT)
    this.#strangers.set(name, { socket, timer })
    this.#all.add(socket)
    if (!this.#isReferenced) socket.unref()
    socket.once('close', () => {
      this.#all.delete(socket)
      this.authenticated(name)
    })
    this.#options.admit(socket)
    this.#lookLater()
  }

  #end(name: string, why: string): void {
    const stranger = this.#strangers.get(name)
    if (stranger === undefined) return
    this.authenticated(name)
    stranger.socket.destroy()
    this.#options.refused(why)
  }

  #lookLater(): void {
    if (this.#look !== undefined || this.#strangers.size === 0) return
    this.#look = this.#clock.setTimeout(() => {
      this.#look = undefined
      for (const [name, { socket }] of this.#strangers) {
        if (socket.bytesRead > HELLO_BYTES) {
          this.#end(name, `a connection has sent more than ${HELLO_BYTES} bytes without a token`)
        }
      }
      this.#lookLater()
    }, LOOK_EVERY)
  }
}
