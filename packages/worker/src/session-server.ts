// The gRPC server that all workers of a runtime dial, and the tokens by which it knows them.
import { lstatSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes, timingSafeEqual } from 'node:crypto'
import grpc from '@grpc/grpc-js'
import { messageOf, reportOnce, systemClock, type SupervisorClock } from '@terrarium/supervisor/base'
import type { AnyLogger } from '@terrarium/process'
import { Connections, HELLO_TIMEOUT } from './connections.ts'
import {
  HostServiceService,
  type HostServiceServer,
  type SessionRequest,
  type SessionResponse,
} from './generated/terrarium/v1/session.ts'
import { serializeResponse } from './serialize.ts'
import { PROTOCOL_VERSION, Session } from './session.ts'
import { PLAIN, type ValueCodec } from './values/codec.ts'
import { MAX_MESSAGE_BYTES } from './values/wire.ts'

/** A worker the server waits for. */
export interface Expectation {
  /** The secret the worker has to present. */
  readonly token: string
  /** Called once, when it has. */
  readonly accept: (session: Session) => void
}

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

type Stream = grpc.ServerDuplexStream<SessionRequest, SessionResponse>

/** Told when gRPC ends a stream by itself, with the reason. */
interface StreamWatch {
  failed: (why: string) => void
}

/** The metadata by which a stream finds its watch. */
const STREAM_KEY = 'terrarium-stream'

/**
 * The gRPC server all workers of a runtime dial: on a Unix socket in a private directory, so nothing listens where
 * another user or host can reach it. A stream without the token of an expected spawn is turned away.
 */
export class SessionServer {
  readonly #directory: string
  readonly #ensureDirectory: () => void
  /** How often it had to listen: each socket has a name of its own, none longer than the first. */
  #sockets = 0
  #path = ''
  #inode = 0
  #listening: Promise<void> | undefined
  readonly #codec: ValueCodec
  readonly #server: grpc.Server
  readonly #connections: Connections
  readonly #clock: SupervisorClock
  readonly #expected = new Map<string, Expectation>()
  readonly #sessions = new Set<Session>()
  readonly #watches = new Map<string, StreamWatch>()
  #streams = 0

  private constructor(directory: string, options: SessionServerOptions) {
    const { codec = PLAIN, ensureDirectory = () => undefined, logger, clock = systemClock } = options
    this.#directory = directory
    this.#ensureDirectory = ensureDirectory
    this.#codec = codec
    this.#clock = clock
    this.#server = new grpc.Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_concurrent_streams': 16,
      interceptors: [(_method, call) => this.#watch(call)],
    })
    const handlers: HostServiceServer = {
      session: (stream) => {
        this.#open(stream)
      },
    }
    this.#server.addService(
      { session: { ...HostServiceService.session, responseSerialize: serializeResponse } },
      handlers,
    )
    const injector = this.#server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
    const refused = reportOnce((why) => {
      logger?.warn({ socket: this.#path }, `a connection to the socket of the workers was ended: ${why}`)
    })
    this.#connections = new Connections({
      admit: (socket) => {
        injector.injectConnection(socket)
      },
      expected: () => this.#expected.size,
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
    const socket = lstatSync(this.#path, { throwIfNoEntry: false })
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
    this.#inode = lstatSync(path).ino
    this.#path = path
  }

  /** Announces a worker. The returned function takes the announcement back. */
  expect(accept: (session: Session) => void): { token: string; forget: () => void } {
    const token = randomBytes(16).toString('hex')
    this.#expected.set(token, { token, accept })
    return { token, forget: () => void this.#expected.delete(token) }
  }

  /** Ends every session and stops listening. */
  close(): void {
    for (const session of this.#sessions) session.close()
    this.#connections.close()
    this.#server.forceShutdown()
  }

  /** Lets the host process end while this server listens and sessions are open. */
  unref(): void {
    this.#connections.setReferenced(false)
  }

  /** Takes back {@link unref}. */
  ref(): void {
    this.#connections.setReferenced(true)
  }

  /**
   * gRPC ends a stream by itself when a message is too long or no message at all, and tells only the worker why.
   */
  #watch(call: grpc.ServerInterceptingCallInterface): grpc.ServerInterceptingCall {
    const key = String(++this.#streams)
    const watch: StreamWatch = { failed: () => undefined }
    const send = call.sendStatus.bind(call)
    call.sendStatus = (status) => {
      send(status) // first: to end the session ends the stream, which would be told as a success
      if (status.code !== grpc.status.OK) watch.failed(status.details)
    }
    const listener = new grpc.ServerListenerBuilder().withOnReceiveMetadata((metadata, next) => {
      metadata.set(STREAM_KEY, key)
      this.#watches.set(key, watch)
      next(metadata)
    })
    const responder = new grpc.ResponderBuilder().withStart((next) => {
      next(listener.build())
    })
    return new grpc.ServerInterceptingCall(call, responder.build())
  }

  #open(stream: Stream): void {
    let session: Session | undefined
    const timer = this.#clock.setTimeout(() => {
      refuse(stream, grpc.status.DEADLINE_EXCEEDED, `no Hello within ${HELLO_TIMEOUT} ms`)
    }, HELLO_TIMEOUT)
    /** What the worker did that the protocol does not allow. */
    let fault: string | undefined
    const end = (): void => {
      this.#clock.clearTimeout(timer)
      session?.close(fault)
    }
    const key = String(stream.metadata.get(STREAM_KEY)[0])
    const watch = this.#watches.get(key)
    this.#watches.delete(key)
    if (watch !== undefined) {
      watch.failed = (why) => {
        fault ??= why
        end()
      }
    }
    stream.on('error', end)
    stream.on('end', () => {
      end()
      stream.end()
    })
    stream.on('cancelled', end)
    stream.on('data', (message: SessionRequest) => {
      try {
        if (session === undefined) {
          const accept = this.#greet(stream, message)
          if (accept === undefined) return
          this.#clock.clearTimeout(timer)
          this.#connections.authenticated(stream.getPeer())
          session = this.#begin(stream, message)
          accept(session)
        }
        session.receive(message)
      } catch (error) {
        fault ??= messageOf(error)
        refuse(stream, grpc.status.INVALID_ARGUMENT, `protocol error: ${fault}`)
      }
    })
  }

  /** Who takes the session, if the first message is a Hello that may begin one. */
  #greet(stream: Stream, { frames: [first] }: SessionRequest): Expectation['accept'] | undefined {
    const kind = first?.kind
    if (kind?.$case !== 'hello') {
      refuse(stream, grpc.status.INVALID_ARGUMENT, 'the first frame of a session must be Hello')
      return undefined
    }
    const { protocolVersion, packageVersion, token } = kind.value
    if (protocolVersion !== PROTOCOL_VERSION) {
      refuse(
        stream,
        grpc.status.FAILED_PRECONDITION,
        `this host speaks version ${PROTOCOL_VERSION} of terrarium.v1, the worker (package ${packageVersion.slice(0, 64)}) speaks ${protocolVersion}`,
      )
      return undefined
    }
    const accept = this.#take(token)?.accept
    if (accept === undefined) refuse(stream, grpc.status.UNAUTHENTICATED, 'no worker is expected with this token')
    return accept
  }

  #begin(stream: Stream, { frames: [first] }: SessionRequest): Session {
    const session = new Session(
      {
        write: (message) => stream.write(message),
        end: () => {
          stream.end()
        },
      },
      first?.kind?.$case === 'hello' ? first.kind.value.pid : 0,
      this.#codec,
    )
    this.#sessions.add(session)
    session.once('closed', () => this.#sessions.delete(session))
    return session
  }

  #take(presented: string): Expectation | undefined {
    const bytes = Buffer.from(presented)
    for (const expectation of this.#expected.values()) {
      const token = Buffer.from(expectation.token)
      if (token.length === bytes.length && timingSafeEqual(token, bytes)) {
        this.#expected.delete(expectation.token)
        return expectation
      }
    }
    return undefined
  }
}

function refuse(stream: Stream, code: grpc.status, details: string): void {
  stream.emit('error', { code, details })
}
