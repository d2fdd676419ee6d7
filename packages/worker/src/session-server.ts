import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { randomBytes, timingSafeEqual } from 'node:crypto'
import grpc from '@grpc/grpc-js'
import { TerrariumError } from '@terrarium/supervisor'
import {
  HostServiceService,
  type Hello,
  type HostServiceServer,
  type SessionRequest,
  type SessionResponse,
} from './generated/terrarium/v1/session.ts'
import { serializeResponse } from './serialize.ts'
import { MAX_MESSAGE_BYTES, PROTOCOL_VERSION, Session } from './session.ts'

/** A worker the server waits for. */
export interface Expectation {
  /** The secret the worker has to present. */
  readonly token: string
  /** Called once, when it has. */
  readonly accept: (session: Session) => void
}

type Stream = grpc.ServerDuplexStream<SessionRequest, SessionResponse>

/**
 * The gRPC server all workers of a runtime dial: on a Unix socket in a private directory, so nothing listens where
 * another user or host can reach it. A stream without the token of an expected spawn is turned away.
 */
export class SessionServer {
  readonly path: string
  readonly #server: grpc.Server
  /** Ours and not gRPC's, whose sockets always keep the host process alive. */
  readonly #listener: Server
  readonly #sockets = new Set<Socket>()
  #isReferenced = true
  readonly #expected = new Map<string, Expectation>()
  readonly #sessions = new Set<Session>()

  private constructor(path: string) {
    this.path = path
    this.#server = new grpc.Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
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
    this.#listener = createServer((socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      if (!this.#isReferenced) socket.unref()
      injector.injectConnection(socket)
    })
  }

  /** Listens on `host.sock` in a directory that only this user may enter. */
  static async listen(directory: string): Promise<SessionServer> {
    const server = new SessionServer(join(directory, 'host.sock'))
    try {
      await once(server.#listener.listen(server.path), 'listening')
    } catch (cause) {
      const { message } = cause as Error
      throw new TerrariumError('START_FAILED', `cannot listen on ${server.path}: ${message}`, { cause })
    }
    await chmod(server.path, 0o600)
    return server
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
    this.#listener.close()
    this.#server.forceShutdown()
  }

  /** Lets the host process end while this server listens and sessions are open. */
  unref(): void {
    this.#isReferenced = false
    for (const each of [this.#listener, ...this.#sockets]) each.unref()
  }

  /** Takes back {@link unref}. */
  ref(): void {
    this.#isReferenced = true
    for (const each of [this.#listener, ...this.#sockets]) each.ref()
  }

  #open(stream: Stream): void {
    let session: Session | undefined
    stream.on('error', () => session?.close())
    stream.on('end', () => {
      session?.close()
      stream.end()
    })
    stream.on('cancelled', () => session?.close())
    stream.on('data', (message: SessionRequest) => {
      try {
        if (session === undefined) session = this.#greet(stream, message)
        else session.receive(message)
      } catch (error) {
        const { message: details } = error as Error
        stream.emit('error', { code: grpc.status.INVALID_ARGUMENT, details: `protocol error: worker ${details}` })
        session?.close()
      }
    })
  }

  #greet(stream: Stream, first: SessionRequest): Session | undefined {
    const kind = first.frames[0]?.kind
    if (kind?.$case !== 'hello') {
      refuse(stream, grpc.status.INVALID_ARGUMENT, 'the first frame of a session must be Hello')
      return undefined
    }
    const hello: Hello = kind.value
    if (hello.protocolVersion !== PROTOCOL_VERSION) {
      refuse(
        stream,
        grpc.status.FAILED_PRECONDITION,
        `this host speaks version ${PROTOCOL_VERSION} of terrarium.v1, the worker (package ${hello.packageVersion}) speaks ${hello.protocolVersion}`,
      )
      return undefined
    }
    const expectation = this.#take(hello.token)
    if (expectation === undefined) {
      refuse(stream, grpc.status.UNAUTHENTICATED, 'no worker is expected with this token')
      return undefined
    }
    const session = new Session(
      {
        write: (message) => stream.write(message),
        end: () => {
          stream.end()
        },
      },
      hello.pid,
    )
    this.#sessions.add(session)
    session.once('closed', () => this.#sessions.delete(session))
    session.welcome()
    expectation.accept(session)
    session.receive({ ...first, frames: first.frames.slice(1) })
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
