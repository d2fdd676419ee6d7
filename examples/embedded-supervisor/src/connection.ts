// The connection as a supervised actor.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fromServer, reply, type From } from '@terrarium/supervisor/otp'

export interface Connection {
  readonly socket: Socket
  /** Callers without an answer yet, in order. */
  readonly asking: From[]
}

type News = { readonly type: 'line'; readonly line: string } | { readonly type: 'lost'; readonly error: Error }

/** After this many ms of silence a connection is lost, also while connecting. */
const SILENCE = 2_000

/**
 * One TCP connection, as long as it lasts: the actor ends with the error of the connection, and its successor connects
 * anew. It is ready once it is connected, so that a refused connection is a failed start. Any call is answered with the
 * price of the moment; callers that are left without an answer learn from `call()` itself that there will be none.
 */
export const connection = fromServer<Connection, { readonly port: number }, { readonly type: 'price' }, News>({
  init: async ({ self, input: { port } }) => {
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(SILENCE, () => socket.destroy(new Error('the dependency is silent')))
    await once(socket, 'connect')
    socket.on('error', (error) => {
      self.send({ type: 'lost', error })
    })
    socket.on('end', () => socket.destroy(new Error('the dependency hung up')))
    createInterface(socket).on('line', (line) => {
      self.send({ type: 'line', line })
    })
    return { state: { socket, asking: [] } }
  },
  handleCall: (_request, from, { socket, asking }) => {
    socket.write('price\n')
    asking.push(from) // the reply comes with the line
    return undefined
  },
  handleInfo: (news, { asking }) => {
    if (news.type === 'lost') return { stop: { type: 'error', error: news.error } }
    const from = asking.shift()
    if (from !== undefined) reply(from, Number(news.line))
    return undefined
  },
  trapExit: true, // so that the actor can close the socket when it is stopped
  terminate: (_reason, { socket }) => {
    socket.destroy()
  },
})
