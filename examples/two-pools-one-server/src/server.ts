// An HTTP server as a machine: it listens, and on `supervisor.shutdown` it answers what has begun and ends.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isTerrariumError, type PoolAccess } from '@terrarium/pool'
import { assign, fromCallback, fromPromise, setup, type SnapshotFrom } from 'xstate'

export interface ServerInput {
  /** A pool is another actor after each of its starts, so it is looked up for each request. */
  readonly poolNamed: (name: 'words' | 'primes') => PoolAccess
}

type ServerEvent =
  | { readonly type: 'listening'; readonly server: Server; readonly url: string }
  | { readonly type: 'supervisor.shutdown' }

/** Listens until it is stopped. */
const listen = fromCallback<ServerEvent, ServerInput>(({ input, sendBack }) => {
  const server = createServer((request, response) => void answer(input, request, response))
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    sendBack({ type: 'listening', server, url: `http://127.0.0.1:${port}` })
  })
  return () => server.close()
})

/** Takes no new connection; resolves when the requests that have begun are answered. */
const close = fromPromise<unknown, Server | undefined>(({ input: server }) => {
  if (server === undefined) return Promise.resolve()
  server.close()
  return once(server, 'close')
})

export const server = setup({
  types: {
    context: {} as ServerInput & { readonly server: Server | undefined; readonly url: string | undefined },
    input: {} as ServerInput,
    events: {} as ServerEvent,
  },
  actors: { listen, close },
}).createMachine({
  id: 'server',
  context: ({ input }) => ({ ...input, server: undefined, url: undefined }),
  initial: 'open',
  invoke: { src: 'listen', input: ({ context }) => context },
  states: {
    open: {
      on: {
        listening: { actions: assign(({ event: { server, url } }) => ({ server, url })) },
        'supervisor.shutdown': 'closing',
      },
    },
    closing: { invoke: { src: 'close', input: ({ context }) => context.server, onDone: 'closed' } },
    closed: { type: 'final' },
  },
})

/** It is ready once it has an address. */
export const isListening = ({ context }: SnapshotFrom<typeof server>): boolean => context.url !== undefined

/** `GET /count?text=a+b+a` and `GET /factors?n=12`. */
async function answer({ poolNamed }: ServerInput, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
  const options = { timeout: 5_000, idempotent: true }
  try {
    if (pathname === '/count') {
      reply(200, await poolNamed('words').call('count', { text: searchParams.get('text') ?? '' }, options))
    } else if (pathname === '/factors') {
      reply(200, await poolNamed('primes').call('factors', { n: Number(searchParams.get('n')) }, options))
    } else reply(404, { error: `There is no ${pathname}.` })
  } catch (error) {
    const { code, message } = isTerrariumError(error) ? error : { code: 'UNKNOWN', message: String(error) }
    reply(503, { code, error: message })
  }
}
