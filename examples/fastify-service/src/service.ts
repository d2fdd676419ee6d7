// A Fastify service in front of a pool: health, back-pressure, deadlines, callers that leave, and an orderly stop.
import { isTerrariumError, type ErrorCode, type Pool } from '@terrarium/pool'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'

/** Which status says what has happened. What is not here is the service's own fault: 500. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  INVALID_ARGUMENT: 400,
  PAYLOAD_TOO_LARGE: 413,
  CANCELLED: 499,
  POOL_SATURATED: 503,
  PARKED: 503,
  STOPPED: 503,
  QUEUE_TIMEOUT: 504,
  DEADLINE_EXCEEDED: 504,
}

/** After so many seconds a client may try again. */
const RETRY_AFTER = 1

/** The service; `close()` answers the requests that have begun, and then stops the pool. */
export function service(pool: Pool): FastifyInstance {
  const app = Fastify()

  app.get('/health', (_, reply) => {
    const { ready, queued } = pool.stats
    const isHealthy = pool.status === 'running' && ready > 0
    return reply.code(isHealthy ? 200 : 503).send({ status: pool.status, ready, queued })
  })

  app.post<{ Body: { text: string; seconds?: number } }>('/count', (request, reply) =>
    pool.call('count', request.body, { timeout: 10_000, signal: departureOf(request, reply) }),
  )

  app.setErrorHandler((error, _, reply) => {
    if (!isTerrariumError(error)) return reply.send(error)
    const { code, message } = error
    const status = STATUS[code] ?? 500
    if (status === 503) void reply.header('retry-after', RETRY_AFTER)
    return reply.code(status).send({ code, message })
  })

  // Fastify calls this when no request is under way any more.
  app.addHook('onClose', async () => {
    await pool.stop()
  })
  return app
}

/** Aborted when the client hangs up before it has its answer. */
function departureOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  request.raw.socket.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}
