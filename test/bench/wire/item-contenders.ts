// The contenders that send many items for one request: a stream of a pool, lines of python-shell, and a socket with
// one write an item. Each item is read by `for await`, and compared with what was asked for.
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PythonShell } from 'python-shell'
import { startPeer } from '../peer.ts'
import { uniqueName, type OpenContender, type Opening } from './open-contender.ts'
import { openPool, VERB_TOOLS } from './pool-call.ts'

/** Items of one request. */
const COUNT = 10_000

/** `pool.stream`, read to its end. */
export async function openStream(opening: Opening): Promise<OpenContender> {
  const { pool, close } = await openPool(opening, { tools: VERB_TOOLS })
  return ofItems('pool.stream', (data: Buffer) => pool.stream('repeat', { data, count: COUNT }), close)
}

/** python-shell as its documentation uses it: a line of JSON for each item. */
export function openLines({ python }: Opening): Promise<OpenContender> {
  const script = fileURLToPath(new URL('../../../bench/wire/items_shell.py', import.meta.url))
  const shell = new PythonShell(script, { mode: 'json', pythonPath: python, pythonOptions: ['-u'] })
  const items = new Arrivals<string>()
  shell.on('message', ({ data }: { data: string }) => {
    items.add(data)
  })
  const read = (data: string): AsyncIterable<string> => {
    shell.send({ data, count: COUNT })
    return items.take(COUNT)
  }
  const close = (): Promise<void> =>
    new Promise((resolve, reject) => {
      shell.end((error: Error | null | undefined) => {
        if (error) reject(error)
        else resolve()
      })
    })
  return Promise.resolve({ ...ofItems('python-shell', read, close), form: 'text' })
}

/** Length-prefixed items over a Unix socket, each in a write of its own. */
export async function openWrites({ python, directory }: Opening): Promise<OpenContender> {
  const path = join(directory, `${uniqueName('items')}.sock`)
  const peer = await startPeer(python, 'wire/items_socket.py', [path])
  const socket = connect(path)
  const close = (): Promise<void> => {
    socket.destroy()
    return peer.close()
  }
  try {
    await once(socket, 'connect')
  } catch (error) {
    await close()
    throw error
  }
  const items = new Arrivals<Buffer>()
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let start = 0
    while (rest.length - start >= 4) {
      const end = start + 4 + rest.readUInt32LE(start)
      if (end > rest.length) break
      items.add(rest.subarray(start + 4, end))
      start = end
    }
    rest = rest.subarray(start)
  })
  socket.on('error', () => undefined) // the round that waits is ended with the process
  const read = (data: Buffer): AsyncIterable<Buffer> => {
    const header = Buffer.alloc(8)
    header.writeUInt32LE(COUNT)
    header.writeUInt32LE(data.length, 4)
    socket.write(Buffer.concat([header, data]))
    return items.take(COUNT)
  }
  return ofItems('one write an item', read, close)
}

/** Items that have arrived, and the reader that waits for more. */
class Arrivals<T> {
  readonly #items: T[] = []
  #wake: (() => void) | undefined

  add(item: T): void {
    this.#items.push(item)
    this.#wake?.()
    this.#wake = undefined
  }

  async *take(count: number): AsyncGenerator<T> {
    for (let taken = 0; taken < count;) {
      if (this.#items.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
      const items = this.#items.splice(0)
      taken += items.length
      yield* items
    }
  }
}

/** A contender of which a round counts items. Its p50 is the time of a request, in µs. */
function ofItems(
  name: string,
  read: (payload: never) => AsyncIterable<unknown>,
  close: OpenContender['close'],
): OpenContender {
  const echo = async (payload: never): Promise<unknown> => {
    let items = 0
    let last: unknown
    for await (const item of read(payload)) {
      items += 1
      last = item
    }
    if (items !== COUNT) throw new Error(`${name} gave ${items} items, not ${COUNT}`)
    return last
  }
  return { name, answers: COUNT, echo, close }
}
