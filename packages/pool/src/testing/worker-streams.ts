// The streams of one worker of a test, as `_streams.py` and `_async_streams.py` run them in Python: a generator is not
// advanced while its stream has no credit, and is closed when the stream ends, however that comes.
import { ITEM_OVERHEAD, STREAM_WINDOW, type ValueCodec, type WorkerFrame } from '@terrarium/worker'
import { cancelled, notSendable, raised } from './failures.ts'

/** The credit of one stream, and whether it was stopped. */
export class StreamGate {
  #credit = STREAM_WINDOW
  #wake: (() => void) | undefined
  isStopped = false

  spend(bytes: number): void {
    this.#credit -= bytes
  }

  add(bytes: number): void {
    this.#credit += bytes
    this.#wake?.()
  }

  stop(): void {
    this.isStopped = true
    this.#wake?.()
  }

  /** Resolves when there is credit, or the stream is stopped. Tells whether it goes on. */
  async open(): Promise<boolean> {
    while (this.#credit <= 0 && !this.isStopped) await new Promise<void>((resolve) => (this.#wake = resolve))
    return !this.isStopped
  }
}

export interface StreamRun {
  readonly id: number
  readonly tool: string
  /** What the tool has returned. */
  readonly returned: unknown
  readonly gate: StreamGate
  readonly codec: ValueCodec
  readonly say: (frame: WorkerFrame) => void
}

type Items = AsyncIterator<unknown> | Iterator<unknown>

/** Sends the items, and returns the answer. Never rejects. */
export async function runStream(run: StreamRun): Promise<WorkerFrame> {
  const { id, codec, gate } = run
  const items = iteratorOf(run.returned)
  if (items === undefined) return raised(id, new TypeError(`${run.tool} returned nothing to iterate over`), codec)
  let failure: WorkerFrame | undefined
  try {
    failure = await sendAll(run, items)
    await items.return?.()
  } catch (error) {
    failure ??= raised(id, error, codec)
  }
  if (failure !== undefined) return failure
  if (gate.isStopped) return cancelled(id)
  return { kind: 'result', id, value: codec.encode(null) }
}

/** Returns the failure that ends the stream, if there is one. */
async function sendAll({ id, tool, gate, codec, say }: StreamRun, items: Items): Promise<WorkerFrame | undefined> {
  for (;;) {
    const next = await items.next()
    if (next.done === true || gate.isStopped) return undefined
    try {
      const value = codec.encode(next.value ?? null, `an item of ${tool}`)
      gate.spend(value.bytes.length + ITEM_OVERHEAD)
      say({ kind: 'item', id, value })
    } catch (error) {
      return notSendable(id, error)
    }
    if (!(await gate.open())) return undefined
  }
}

function iteratorOf(returned: unknown): Items | undefined {
  const iterable = (returned ?? {}) as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  return iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.()
}
