// The connections of workers to a host, whatever they speak. Every process of this user can connect to the Unix socket;
// only a worker that the host has started knows a token.
import { createServer, type Server, type Socket } from 'node:net'
import { systemClock, TerrariumError, type SupervisorClock } from '@terrarium/supervisor/base'

/** How long a connection may take to present a token before it is closed, in ms. */
export const HELLO_TIMEOUT = 30_000
/** How much a connection may send without a token, in bytes: a Hello, and a Ready with thousands of tools. */
export const HELLO_BYTES = 1024 * 1024
/** How many connections may be unauthenticated at a time, besides one for each worker that is expected. */
export const UNAUTHENTICATED_LIMIT = 32
/** Time between two checks of the bytes that unauthenticated connections have sent, in ms. */
const LOOK_EVERY = 25

/** Error codes for a shortage that may pass. Any other failure to listen is a CONFIGURATION error. */
const SHORTAGES: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

/** What {@link Connections} is given. */
export interface ConnectionDependencies {
  /** Called with each connection that may go on, and its name. */
  readonly admit: (socket: Socket, name: string) => void
  /** The number of workers that have been started and not yet connected. */
  readonly expected: () => number
  /** Called with the reason when a connection is refused or closed. */
  readonly refused: (why: string) => void
  /** Default: the system's. */
  readonly clock?: SupervisorClock | undefined
}

interface Unauthenticated {
  readonly socket: Socket
  readonly timer: unknown
}

/**
 * Listening sockets and their connections. A connection is unauthenticated until it has presented the token of an
 * expected worker. Unauthenticated connections are limited in number, in time, and in the bytes they may send.
 */
export class Connections {
  readonly #servers: Server[] = []
  readonly #dependencies: ConnectionDependencies
  readonly #clock: SupervisorClock
  readonly #all = new Set<Socket>()
  /** By the name of the connection. */
  readonly #unauthenticated = new Map<string, Unauthenticated>()
  #isReferenced = true
  #count = 0
  #look: unknown

  constructor(dependencies: ConnectionDependencies) {
    this.#dependencies = dependencies
    this.#clock = dependencies.clock ?? systemClock
  }

  /**
   * Listens on one more Unix socket. Errors: CONFIGURATION when no socket can be made at the path, START_FAILED when
   * the system is short of descriptors or memory.
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
    // From now on an error is one connection that could not be accepted, for lack of descriptors.
    server.removeAllListeners('error').on('error', () => undefined)
    this.#servers.push(server)
    if (!this.#isReferenced) server.unref()
  }

  /** Call it when the connection of this name has presented its token: its limits end. */
  authenticated(name: string): void {
    const connection = this.#unauthenticated.get(name)
    if (connection === undefined) return
    this.#clock.clearTimeout(connection.timer)
    this.#unauthenticated.delete(name)
  }

  /** Closes the connection of this name for this reason, unless it has presented its token. */
  end(name: string, why: string): void {
    const connection = this.#unauthenticated.get(name)
    if (connection === undefined) return
    this.authenticated(name)
    connection.socket.destroy()
    this.#dependencies.refused(why)
  }

  /** Sets whether sockets and connections keep the host alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    for (const each of [...this.#servers, ...this.#all]) {
      if (isReferenced) each.ref()
      else each.unref()
    }
  }

  /** Stops listening and closes every connection. */
  close(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#all) socket.destroy()
    if (this.#look !== undefined) this.#clock.clearTimeout(this.#look)
  }

  #open(socket: Socket): void {
    socket.on('error', () => undefined) // the session on the socket ends too, and that is handled
    if (this.#unauthenticated.size >= UNAUTHENTICATED_LIMIT + this.#dependencies.expected()) {
      socket.destroy()
      this.#dependencies.refused(`${this.#unauthenticated.size} connections have not presented a token yet`)
      return
    }
    const name = `connection-${++this.#count}`
    // A Unix socket has no address. With this one a gRPC stream names its connection in getPeer().
    Object.defineProperty(socket, 'remoteAddress', { value: name })
    const timer = this.#clock.setTimeout(() => {
      this.end(name, `a connection has not presented a token within ${HELLO_TIMEOUT} ms`)
    }, HELLO_TIMEOUT)
    this.#unauthenticated.set(name, { socket, timer })
    this.#all.add(socket)
    if (!this.#isReferenced) socket.unref()
    socket.once('close', () => {
      this.#all.delete(socket)
      this.authenticated(name)
    })
    this.#dependencies.admit(socket, name)
    this.#lookLater()
  }

  /** Checks the bytes of unauthenticated connections later, while there are any. */
  #lookLater(): void {
    if (this.#look !== undefined || this.#unauthenticated.size === 0) return
    this.#look = this.#clock.setTimeout(() => {
      this.#look = undefined
      for (const [name, { socket }] of this.#unauthenticated) {
        if (socket.bytesRead > HELLO_BYTES) {
          this.end(name, `a connection has sent more than ${HELLO_BYTES} bytes without a token`)
        }
      }
      this.#lookLater()
    }, LOOK_EVERY)
  }
}
