// The contender unary gRPC.
import { join } from 'node:path'
import grpc from '@grpc/grpc-js'
import type { Contender } from '../measure.ts'
import { startPeer } from '../peer.ts'

const unchanged = (bytes: Buffer): Buffer => bytes

/** The usual way: one unary gRPC call a request, over a Unix socket, bytes in and out. */
export async function openUnary(
  python: string,
  directory: string,
): Promise<Contender & { close: () => Promise<void> }> {
  const path = join(directory, 'unary.sock')
  const peer = await startPeer(python, 'wire/echo_unary.py', [path])
  const client = new grpc.Client(`unix:${path}`, grpc.credentials.createInsecure())
  return {
    name: 'unary gRPC',
    echo: (payload) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest('/terrarium.bench.Echo/Call', unchanged, unchanged, payload, (error, reply) => {
          if (error === null) resolve(reply)
          else reject(error)
        })
      }),
    close: () => {
      client.close()
      return peer.close()
    },
  }
}
