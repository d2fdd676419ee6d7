import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** Somebody else's server, on loopback: answers every line with a price, and is up or down as it is told. */
export class Dependency {
  /** The same one whenever it is up. */
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

  /** Hangs up on everybody, and goes on listening. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Hangs up on everybody. Who connects from now on is refused. */
  down(): void {
    this.#server.close()
    this.drop()
  }
}
