// The socket that all workers of a runtime dial. It serves both transports: the first bytes of a connection say which.
import { lstatSync } from 'node:fs'
import { chmod, lstat } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { messageOf, reportOnce, systemClock, type SupervisorClock } from '@terrarium/supervisor/base'
import type { AnyLogger } from '@terrarium/process'
import { Connections } from './connections.ts'
import type { Transport } from './frame.ts'
import type { GrpcHost } from './grpc/host.ts'
import { serveLane } from './lane/host.ts'
import { Reception, type Announcement } from './reception.ts'
import type { Session } from './session.ts'
import { sniff } from './sniff.ts'
import { PLAIN, type ValueCodec } from './values/codec.ts'

export interface SessionServerOptions {
  /** Reads the results. Default: without registered types. */
  readonly codec?: ValueCodec | undefined
  /** Makes the directory again when it is gone. Default: nothing. */
  readonly ensureDirectory?: (() => void) | undefined
  /** Told of connections that are refused, the first time for each reason. */
  readonly logger?: AnyLogger | undefined
  /** For the time that a connection may take to present a token. Default: the system's. */
  readonly clock?: SupervisorClock | undefined
}

/**
 * The server all workers of a runtime dial: on a Unix socket in a private directory, so nothing listens where another
 * user or host can reach it. A connection without the token of an expected spawn is turned away.
 */
export class SessionServer {
  readonly #directory: string
  readonly #ensureDirectory: () => void
  /** How often it had to listen: each socket has a name of its own, none longer than the first. */
  #sockets = 0
  #path = ''
  #inode = 0
  #listening: Promise<void> | undefined
  readonly #connections: Connections
  readonly #clock: SupervisorClock
  readonly #reception: Reception
  #grpc: Promise<GrpcHost> | undefined

  private constructor(directory: string, options: SessionServerOptions) {
    const { codec = PLAIN, ensureDirectory = () => undefined, logger, clock = systemClock } = options
    this.#directory = directory
    this.#ensureDirectory = ensureDirectory
    this.#clock = clock
    this.#reception = new Reception(codec)
    const refused = reportOnce((why) => {
      logger?.warn({ socket: this.#path }, `a connection to the socket of the workers was ended: ${why}`)
    })
    this.#connections = new Connections({
      admit: (socket, name) => {
        this.#admit(socket, name)
      },
      expected: () => this.#reception.expected,
      refused: (why) => {
        refused(why, undefined)
      },
      clock,
    })
  }

  /**
   * Listens on `host.sock` in a directory that only this user may enter. Errors: CONFIGURATION when the directory
   * cannot be used, START_FAILED when the system is short of something.
   */
  static async listen(directory: string, options: SessionServerOptions = {}): Promise<SessionServer> {
    const server = new SessionServer(directory, options)
    await server.ensure()
    return server
  }

  /** Where a worker that starts now finds the host. */
  get path(): string {
    return this.#path
  }

  /**
   * Makes the socket again if its name is gone, since it lies where others clean up: without its name no worker can
   * dial it. Open sessions do not need the name. Errors: those of {@link listen}.
   */
  async ensure(): Promise<void> {
    const socket = await lstat(this.#path).catch(() => undefined)
    if (socket?.isSocket() === true && socket.ino === this.#inode) return
    this.#listening ??= this.#listen().finally(() => (this.#listening = undefined))
    await this.#listening
  }

  async #listen(): Promise<void> {
    this.#ensureDirectory()
    this.#sockets += 1
    const path = join(this.#directory, this.#sockets === 1 ? 'host.sock' : `h${this.#sockets}.sock`)
    await this.#connections.listen(path)
    await chmod(path, 0o600)
    const { ino } = await lstat(path)
    this.#inode = ino
    this.#path = path
  }

  /**
   * Announces a worker; `accept` is called with its session. Errors: CONFIGURATION and START_FAILED when its page of
   * begun calls cannot be made.
   */
  expect(accept: (session: Session) => void, transport: Transport): Announcement {
    return this.#reception.expect(this.#directory, transport, accept)
  }

  /** Ends every session and stops listening. */
  close(): void {
    this.#reception.close()
    this.#connections.close()
    this.#grpc?.then(
      (host) => {
        host.close()
      },
      () => undefined, // told when the connection was refused
    )
  }

  /** Lets the host process end while this server listens and sessions are open. */
  unref(): void {
    this.#connections.setReferenced(false)
  }

  /** Takes back {@link unref}. */
  ref(): void {
    this.#connections.setReferenced(true)
  }

  #admit(socket: Socket, name: string): void {
    const authenticated = (connection: string): void => {
      this.#connections.authenticated(connection)
    }
    const refused = (why: string): void => {
      this.#connections.end(name, why)
    }
    sniff(socket, {
      lane: (head) => {
        serveLane(socket, head, {
          reception: this.#reception,
          authenticated: () => {
            authenticated(name)
          },
          refused,
          clock: this.#clock,
        })
      },
      http2: () => {
        this.#grpc ??= loadGrpc().then(
          ({ GrpcHost }) => new GrpcHost({ reception: this.#reception, authenticated, clock: this.#clock }),
        )
        this.#grpc.then(
          (host) => {
            if (!socket.destroyed) host.serve(socket)
          },
          (error: unknown) => {
            this.#grpc = undefined
            refused(`gRPC cannot be loaded: ${messageOf(error)}`)
          },
        )
      },
      other: () => {
        refused('a connection began with bytes that no worker sends')
      },
    })
  }
}

/**
 * Loads gRPC, which most hosts never need. Node 20 does not find modules behind symbolic links if the last file that
 * `lstatSync` has looked at is a socket: its realpathSync takes that for a link on the way.
 */
function loadGrpc() {
  lstatSync('/')
  return import('./grpc/host.ts')
}
