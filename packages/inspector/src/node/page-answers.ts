// What a page is answered, on a server of its own or in a server that it is mounted in: the page itself, which is
// static and has no data, and a WebSocket for all data, which needs the token.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { MESSAGE_BYTES } from '../shared/limits.ts'
import { isOwnHost, mayConnect, SUBPROTOCOL, type Guard } from './guard.ts'
import { pageFile } from './page-file.ts'

/** Where a page is reached. */
export interface PageSink {
  send(text: string): void
  /** Bytes that were not sent yet. */
  buffered(): number
  /** The address of the browser, for example `127.0.0.1:50123`. */
  readonly address: string
}

/** What receives the messages of a page. */
export interface PageConnection {
  receive(text: string): void
  close(): void
}

export type Connect = (page: PageSink) => PageConnection

/** How many WebSockets may be open at the same time. */
export const MOST_CONNECTIONS = 64

/** The headers of every answer. */
function pageHeaders(): Record<string, string> {
  return {
    'Content-Security-Policy': pageFile().policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  }
}

/** Answers a request with the page, if it is for its path. */
export function answerWithPage(
  { headers, method, url }: Pick<IncomingMessage, 'headers' | 'method' | 'url'>,
  response: ServerResponse,
  guard: Guard,
  path = '/',
): void {
  const end = (status: number, text: string, type = 'text/plain'): void => {
    response.writeHead(status, { ...pageHeaders(), 'Content-Type': `${type}; charset=utf-8` }).end(text)
  }
  if (!isOwnHost(headers.host, guard)) end(403, 'This host is not served.\n')
  else if (method !== 'GET') end(405, 'Only GET is answered.\n')
  else if (url !== path) end(404, `There is only one page, at ${path}.\n`)
  else end(200, pageFile().html, 'text/html')
}

/** The WebSockets of a page. */
export class PageSockets {
  readonly #guard: () => Guard
  readonly #connect: Connect
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  })

  constructor(guard: () => Guard, connect: Connect) {
    this.#guard = guard
    this.#connect = connect
  }

  /** Opens a WebSocket, or refuses it. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined)
    if (!mayConnect(request, this.#guard()) || this.#server.clients.size >= MOST_CONNECTIONS) refuse(socket)
    else {
      this.#server.handleUpgrade(request, socket, head, (page) => {
        attach(page, this.#connect, request.socket)
      })
    }
  }

  close(): void {
    for (const page of this.#server.clients) page.terminate()
    this.#server.close()
  }
}

export function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}

function attach(page: WebSocket, connect: Connect, from: Socket): void {
  // What is wrong with a socket also closes it.
  page.on('error', () => undefined)
  const connection = connect({
    send: (text) => {
      page.send(text, () => undefined)
    },
    buffered: () => page.bufferedAmount,
    address: `${from.remoteAddress ?? ''}:${from.remotePort ?? ''}`,
  })
  page.on('message', (data, isBinary) => {
    if (isBinary) page.close(1003)
    else connection.receive((data as Buffer).toString('utf8'))
  })
  page.on('close', () => {
    connection.close()
  })
}
