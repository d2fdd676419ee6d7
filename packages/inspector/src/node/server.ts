// Serves a page on loopback, with a WebSocket for what the page shows. The page itself is static and has no data: all
// data goes over the WebSocket, which needs the token. Neither keeps the process alive.
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { InspectorError } from '../shared/inspector-error.ts'
import { MESSAGE_BYTES } from '../shared/limits.ts'
import { isOwnHost, mayConnect, SUBPROTOCOL, type Guard } from './guard.ts'
import { pageFile } from './page-file.ts'

/** Where a page is reached. */
export interface PageSink {
  send(text: string): void
  /** Bytes that were not sent yet. */
  buffered(): number
  /** From where the page has connected, for example `127.0.0.1:50123`. */
  readonly address: string
}

/** What hears a page. */
export interface PageConnection {
  receive(text: string): void
  close(): void
}

export interface PageServerOptions {
  /** Default: 0, any free port. */
  readonly port?: number | undefined
  /** Other origins whose pages may connect with the token, for example `http://localhost:5173`. Default: none. */
  readonly origins?: readonly string[] | undefined
  /** A page has connected. */
  readonly connect: (page: PageSink) => PageConnection
}

export interface PageServer {
  /** What to open, with the token in its fragment, which is in no request and no log. */
  readonly address: string
  /** Closes every connection. */
  close(): Promise<void>
}

/** Only 127.0.0.1: there is no option for more. */
const HOST = '127.0.0.1'
const TOKEN_BYTES = 24
const MOST_CONNECTIONS = 64

/** Rejects with NOT_SERVED where the port cannot be listened on. */
export async function servePage({ port = 0, origins = [], connect }: PageServerOptions): Promise<PageServer> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  let guard: Guard = { port, token, origins }
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    answer(request, response, guard)
  })
  const pages = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  })
  server.maxConnections = MOST_CONNECTIONS
  server.on('connection', (socket) => {
    socket.unref()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined)
    if (request.url === '/ws' && mayConnect(request, guard))
      pages.handleUpgrade(request, socket, head, (page) => {
        attach(page, connect, request.socket)
      })
    else refuse(socket)
  })
  await listen(server, port)
  guard = { ...guard, port: (server.address() as AddressInfo).port }
  return {
    address: `http://${HOST}:${guard.port}/#t=${token}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function listen(server: Server, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, HOST, resolve)
      server.unref()
    })
  } catch (cause) {
    throw new InspectorError('NOT_SERVED', `the page cannot be served on ${HOST}:${port}: ${String(cause)}`, {
      hint: 'Choose another port, or leave the option port out for any free one.',
      cause,
      details: { port },
    })
  }
  server.on('error', () => undefined)
}

function headers(): Record<string, string> {
  return {
    'Content-Security-Policy': pageFile().policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  }
}

function answer(request: IncomingMessage, response: ServerResponse, guard: Guard): void {
  const end = (status: number, text: string, type = 'text/plain'): void => {
    response.writeHead(status, { ...headers(), 'Content-Type': `${type}; charset=utf-8` }).end(text)
  }
  if (!isOwnHost(request.headers.host, guard)) end(403, 'This host is not served.\n')
  else if (request.method !== 'GET') end(405, 'Only GET is answered.\n')
  else if (request.url !== '/') end(404, 'There is only one page, at /.\n')
  else end(200, pageFile().html, 'text/html')
}

function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}

function attach(page: WebSocket, connect: PageServerOptions['connect'], from: Socket): void {
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
