// WebSockets for the receivers of @statelyai/inspect. They can send no subprotocol, so that the token is in the query;
// in Node they name no origin. What they say is not read.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { isOwnHost, isSame, type Guard } from './guard.ts'
import { MOST_CONNECTIONS, refuse } from './page-answers.ts'

export const STATELY_PATH = '/stately/ws'

/** A receiver. */
export interface StatelySink {
  send(text: string): void
  /** Bytes that were not sent yet. */
  buffered(): number
}

export type ConnectStately = (sink: StatelySink) => { close(): void }

/** Whether a request is for the receivers. */
export const isForStately = ({ url = '' }: IncomingMessage): boolean => url.split('?')[0] === STATELY_PATH

export class StatelySockets {
  readonly #guard: () => Guard
  readonly #connect: ConnectStately
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 4_096, perMessageDeflate: false })

  constructor(guard: () => Guard, connect: ConnectStately) {
    this.#guard = guard
    this.#connect = connect
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined)
    if (!mayReceive(request, this.#guard()) || this.#server.clients.size >= MOST_CONNECTIONS) refuse(socket)
    else {
      this.#server.handleUpgrade(request, socket, head, (receiver) => {
        this.#attach(receiver)
      })
    }
  }

  #attach(receiver: WebSocket): void {
    receiver.on('error', () => undefined) // `close` follows
    const connection = this.#connect({
      send: (text) => {
        receiver.send(text, () => undefined)
      },
      buffered: () => receiver.bufferedAmount,
    })
    receiver.on('close', () => {
      connection.close()
    })
  }
}

/** A browser names the origin of its page, which has to be this server's, or be named by the program. */
function mayReceive({ headers, method, url = '' }: IncomingMessage, guard: Guard): boolean {
  const { host, origin } = headers
  if (method !== 'GET' || !isOwnHost(host, guard)) return false
  const isKnown = origin === undefined || origin === guard.hosts.get(host ?? '') || guard.origins.includes(origin)
  const token = new URLSearchParams(url.split('?')[1]).get('t') ?? ''
  return isKnown && isSame(token, guard.token)
}
