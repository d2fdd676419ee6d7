// The transports between host and worker, as a parameter of tests, benches and soaks.

export type Transport = 'socket' | 'grpc'

/** The transports that this build has. */
export const TRANSPORTS: readonly Transport[] = ['grpc']

/** The option of a pool. */
export const overTransport = (transport: Transport): object => (TRANSPORTS.length === 1 ? {} : { transport })
