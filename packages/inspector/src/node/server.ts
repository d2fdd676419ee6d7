// Serves a page on loopback, with a WebSocket for what the page shows, or mounts it in another server. Neither keeps
// the process alive.
import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { InspectorError } from '../shared/inspector-error.ts'
import { loopbackHosts, type Guard } from './guard.ts'
import { answerWithPage, MOST_CONNECTIONS, PageSockets, refuse, type Connect } from './page-answers.ts'

export { isMountPath, isSafeOrigin, isToken, mountPage, type MountedPage, type MountOptions } from './mount.ts'
export type { PageConnection, PageSink } from './page-answers.ts'

export interface PageServerOptions {
  /** Default: 0, any free port. */
  readonly port?: number | undefined
  /** Other origins whose pages may connect with the token, for example `http://localhost:5173`. Default: none. */
  readonly origins?: readonly string[] | undefined
  /** Called when a page has connected. */
  readonly connect: Connect
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

/** Rejects with NOT_SERVED where the port cannot be listened on. */
export async function servePage({ port = 0, origins = [], connect }: PageServerOptions): Promise<PageServer> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  let guard: Guard = { hosts: new Map(), token, origins }
  const sockets = new Set<Socket>()
  const pages = new PageSockets(() => guard, connect)
  const server = createServer((request, response) => {
    answerWithPage(request, response, guard)
  })
  server.maxConnections = MOST_CONNECTIONS
  server.on('connection', (socket) => {
    socket.unref()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/ws') pages.take(request, socket, head)
    else refuse(socket)
  })
  await listen(server, port)
  const { port: own } = server.address() as AddressInfo
  guard = { ...guard, hosts: loopbackHosts(own) }
  return {
    address: `http://${HOST}:${own}/#t=${token}`,
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
