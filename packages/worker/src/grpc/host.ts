// The gRPC server for workers that speak `terrarium.v1`. It listens nowhere by itself: connections are handed to it.
// This module is loaded when the first worker of that kind connects.
import type { Socket } from 'node:net'
import grpc from '@grpc/grpc-js'
import { messageOf, type SupervisorClock } from '@terrarium/supervisor/base'
import { HELLO_TIMEOUT } from '../connections.ts'
import type { HelloFrame } from '../frame.ts'
import {
  HostServiceService,
  type HostServiceServer,
  type SessionRequest,
  type SessionResponse,
} from '../generated/terrarium/v1/session.ts'
import type { Reception, Refusal } from '../reception.ts'
import { Session } from '../session.ts'
import { MAX_MESSAGE_BYTES } from '../values/wire.ts'
import { fromMessage } from './frames.ts'
import { GrpcCarrier } from './carrier.ts'
import { serializeResponse } from './serialize.ts'

export interface GrpcHostDependencies {
  readonly reception: Reception
  /** Called with the name of a connection whose worker has presented its token. */
  readonly authenticated: (connection: string) => void
  /** For the time that a stream may take to present a token. */
  readonly clock: SupervisorClock
}

type Stream = grpc.ServerDuplexStream<SessionRequest, SessionResponse>

/** Told when gRPC ends a stream by itself, with the reason. */
interface StreamWatch {
  failed: (why: string) => void
}

/** The metadata by which a stream finds its watch. */
const STREAM_KEY = 'terrarium-stream'

const STATUS: Readonly<Record<Refusal['refused'], grpc.status>> = {
  protocol_mismatch: grpc.status.FAILED_PRECONDITION,
  token_refused: grpc.status.UNAUTHENTICATED,
}

export class GrpcHost {
  readonly #dependencies: GrpcHostDependencies
  readonly #server: grpc.Server
  readonly #injector: { injectConnection: (connection: Socket) => void }
  readonly #watches = new Map<string, StreamWatch>()
  #streams = 0

  constructor(dependencies: GrpcHostDependencies) {
    this.#dependencies = dependencies
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
    this.#injector = this.#server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  }

  /** Serves a connection of which nothing was taken. */
  serve(connection: Socket): void {
    this.#injector.injectConnection(connection)
  }

  close(): void {
    this.#server.forceShutdown()
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
    const { clock, reception, authenticated } = this.#dependencies
    let session: Session | undefined
    const timer = clock.setTimeout(() => {
      refuse(stream, grpc.status.DEADLINE_EXCEEDED, `no Hello within ${HELLO_TIMEOUT} ms`)
    }, HELLO_TIMEOUT)
    /** What the worker did that the protocol does not allow. */
    let fault: string | undefined
    const end = (): void => {
      clock.clearTimeout(timer)
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
    const carrier = new GrpcCarrier({
      write: (message) => stream.write(message),
      end: () => {
        stream.end()
      },
    })
    stream.on('data', (message: SessionRequest) => {
      try {
        if (session === undefined) {
          const hello = helloIn(message)
          if (hello === undefined) {
            refuse(stream, grpc.status.INVALID_ARGUMENT, 'the first frame of a session must be Hello')
            return
          }
          const greeted = reception.greet(hello, 'grpc', carrier)
          if (!(greeted instanceof Session)) {
            refuse(stream, STATUS[greeted.refused], greeted.message)
            return
          }
          clock.clearTimeout(timer)
          authenticated(stream.getPeer())
          session = greeted
        }
        const open = session
        carrier.receive(message, (frame) => {
          open.receive(frame)
        })
      } catch (error) {
        fault ??= messageOf(error)
        refuse(stream, grpc.status.INVALID_ARGUMENT, `protocol error: ${fault}`)
      }
    })
  }
}

function helloIn({ frames: [first] }: SessionRequest): HelloFrame | undefined {
  const frame = first?.kind?.$case === 'hello' ? fromMessage(first) : undefined
  return frame?.kind === 'hello' ? frame : undefined
}

function refuse(stream: Stream, code: grpc.status, details: string): void {
  stream.emit('error', { code, details })
}
