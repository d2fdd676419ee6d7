// HTTP on top of the supervised connection.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { administrate, isTerrariumError, systemClock } from '@terrarium/supervisor'
import type { App, Quote } from './app.ts'

export interface Service {
  readonly url: string
  /** Requests that have begun are answered; then the children are stopped. */
  close(): Promise<void>
}

/** The HTTP side: GET /quote, GET /health, POST /unpark/:id. Starts the children, and stops them when it is closed. */
export async function openService(app: App): Promise<Service> {
  await app.start()
  const server = createServer((request, response) => {
    void answer(app, `${request.method ?? ''} ${request.url ?? ''}`).then(({ status, headers, body }) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      await once(server, 'close')
      await app.stop()
    },
  }
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

async function answer(app: App, request: string): Promise<Answer> {
  try {
    if (request === 'GET /quote') return { status: 200, body: await quote(app) }
    if (request === 'GET /health') return { status: 200, body: health(app) }
    const [, id] = /^POST \/unpark\/(\w+)$/.exec(request) ?? []
    if (id === undefined) return { status: 404, body: { error: `there is no ${request}` } }
    await administrate(app.ref).unpark(id) // an id that the compiler cannot know
    return { status: 202, body: health(app) }
  } catch (error) {
    const body = { error: error instanceof Error ? error.message : String(error) }
    if (isTerrariumError(error, 'PARKED', 'STOPPED', 'DEADLINE_EXCEEDED')) return unavailable(app, body)
    return { status: isTerrariumError(error, 'INVALID_ARGUMENT') ? 409 : 500, body }
  }
}

/** A price from the current connection. Without a connection `call()` rejects at once, and no request waits. */
async function quote(app: App): Promise<Quote> {
  const price = await app.call<number>('connection', { type: 'price' }, { timeout: 1_000 })
  const fresh = { price, at: new Date().toISOString() }
  app.child('cache')?.send({ type: 'put', quote: fresh })
  return fresh
}

/** 503 with the latest quote, and `retry-after`: the time until the supervisor tries again. */
function unavailable(app: App, body: object): Answer {
  const due = app.children.find(({ id }) => id === 'connection')?.until ?? 0
  const seconds = Math.max(1, Math.ceil((due - systemClock.now()) / 1_000))
  const latest = app.child('cache')?.getSnapshot().context
  return { status: 503, headers: { 'retry-after': String(seconds) }, body: { ...body, latest } }
}

const health = (app: App): unknown => app.children.map(({ id, state, incarnation }) => ({ id, state, incarnation }))
