// A stranger that presents a token to a session server, by either transport.
import { connect } from 'node:net'
import grpc from '@grpc/grpc-js'
import { PROTOCOL_VERSION, type Transport } from '@terrarium/worker'
import { HostServiceService, type SessionRequest, type SessionResponse } from '../src/generated/terrarium/v1/session.ts'
import { decode } from '../src/values/codec.ts'
import { framesIn, helloBytes, preamble } from './lane-bytes.ts'

export const TRANSPORTS = ['socket', 'grpc'] as const

/** What the host says: `welcome`, or why not. */
export const present = (socket: string, token: string, transport: Transport): Promise<string> =>
  transport === 'grpc' ? presentByGrpc(socket, token) : presentByLane(socket, token)

async function presentByGrpc(socket: string, token: string): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = HostServiceService.session
  const client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure())
  const stream = client.makeBidiStreamRequest<SessionRequest, SessionResponse>(
    path,
    requestSerialize,
    responseDeserialize,
  )
  const hello = { protocolVersion: PROTOCOL_VERSION, token, pid: 1, packageVersion: '0.1.0', pythonVersion: '3' }
  const value = { ...hello, reportsBegun: false }
  stream.write({ seq: 1, ack: 0, frames: [{ kind: { $case: 'hello', value } }] })
  try {
    return await new Promise((resolve) => {
      stream.on('error', () => undefined)
      stream.on('data', () => {
        resolve('welcome')
      })
      stream.on('status', ({ details }: grpc.StatusObject) => {
        resolve(details)
      })
    })
  } finally {
    stream.cancel()
    client.close()
  }
}

async function presentByLane(path: string, token: string): Promise<string> {
  const socket = connect(path)
  const heard: Buffer[] = []
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('data', (chunk) => {
        heard.push(chunk)
        const [frame] = framesIn(Buffer.concat(heard))
        if (frame?.kind === 16) resolve('welcome')
        else if (frame !== undefined) resolve((decode(frame.body) as { message: string }).message)
      })
      socket.write(Buffer.concat([preamble(), helloBytes({ token })]))
    })
  } finally {
    socket.destroy()
  }
}
