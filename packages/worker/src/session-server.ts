import { lstatSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
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

export interface ListenOptions {
  /** Reads the results. Default: without registered types. */
  readonly codec?: ValueCodec
  /** Makes the directory again when it is gone. Default: nothing. */
  readonly ensureDirectory?: () => void
}

type Stream = grpc.ServerDuplexStream<SessionRequest, SessionResponse>

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
  readonly #server: grpc.Server
  readonly #codec: ValueCodec
  readonly #expected = new Map<string, Expectation>()
  readonly #sessions = new Set<Session>()

  private constructor(directory: string, { codec = PLAIN, ensureDirectory = () => undefined }: ListenOptions) {
    this.#directory = directory
    this.#ensureDirectory = ensureDirectory
    this.#codec = codec
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
  }

  /**
   * Listens on `host.sock` in a directory that only this user may enter. Errors: START_FAILED.
   */
  static async listen(directory: string, options: ListenOptions = {}): Promise<SessionServer> {
    const server = new SessionServer(directory, options)
    await server.ensure()
    return server
  }

  /** Where a worker that starts now finds the host. */
  get path(): string {
    return this.#path
  }

  /**
   * Sees that the socket is there, which lies where others clean up: without its name nobody can dial it. Open sessions do not need it.
   * Errors: START_FAILED.
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
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${path}`, grpc.ServerCredentials.createInsecure(), (cause) => {
        if (cause === null) resolve()
        else reject(new TerrariumError('START_FAILED', `cannot listen on ${path}: ${cause.message}`, { cause }))
      })
    })
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
    this.#server.forceShutdown()
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
      this.#codec,
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
