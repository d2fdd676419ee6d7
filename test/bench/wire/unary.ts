// The contender unary gRPC.
import { join } from 'node:path'
import grpc from '@grpc/grpc-js'
import { startPeer } from '../peer.ts'
import { uniqueName, type OpenContender, type Opening } from './open-contender.ts'

const unchanged = (bytes: Buffer): Buffer => bytes

/** The usual way: one unary gRPC call a request, over a Unix socket, bytes in and out. */
export async function openUnary({ python, directory }: Opening): Promise<OpenContender> {
  const path = join(directory, `${uniqueName('unary')}.sock`)
  const peer = await startPeer(python, 'wire/echo_unary.py', [path])
  const client = new grpc.Client(`unix:${path}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  })
  return {
    name: 'unary gRPC',
    echo: (payload: Buffer) =>
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
