// The supervisor of the service.
import { createSupervisor } from '@terrarium/supervisor'
import { fromTransition } from 'xstate'
import { connection } from './connection.ts'

export interface Quote {
  readonly price: number
  readonly at: string
}

/** Holds the latest quote. It knows nothing of connections, and keeps the quote while they come and go. */
const cache = fromTransition(
  (_latest: Quote | undefined, { quote }: { type: 'put'; quote: Quote }): Quote | undefined => quote,
  undefined,
)

export type App = ReturnType<typeof createApp>

/**
 * What is supervised. `one_for_one`, the default: the cache outlives every connection. The times suit a
 * demonstration; leave them out in a service.
 */
export const createApp = (port: number, { openFor = 1_500 } = {}) =>
  createSupervisor({
    id: 'app',
    backoff: { base: 50, max: 400 },
    breaker: { openFor },
    children: [
      { id: 'cache', logic: cache },
      { id: 'connection', logic: connection, input: { port }, awaitReady: false }, // the service starts without it, too
    ],
  })
