// The transports between host and worker, as a parameter of tests, benches and soaks.

export type Transport = 'socket' | 'grpc'

export const TRANSPORTS: readonly Transport[] = ['socket', 'grpc']
