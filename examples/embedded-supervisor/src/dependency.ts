// The server that the service depends on.
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A third party's server, on loopback: answers every line with a price, and is up or down as it is told. */
export class Dependency {
  /** The same port whenever the server is up. */
  port = 0
  #price = 100
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (lines) => {
      for (const byte of lines) if (byte === 10) socket.write(`${(this.#price += 1)}\n`)
    })
  })

  get isUp(): boolean {
    return this.#server.listening
  }

  async up(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
  }

  /** Closes every connection, and goes on listening. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Closes every connection, and refuses new ones. */
  down(): void {
    this.#server.close()
    this.drop()
  }
}
