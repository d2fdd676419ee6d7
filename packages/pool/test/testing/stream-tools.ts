// The tools of `stream-scenarios.ts`, in Python and as functions of a test.
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { FeedError, type TestPoolOptions } from '@terrarium/pool/testing'

export const PYTHON_STREAM_TOOLS = `
import terrarium

def write(path, line, end="\\n"):
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + end)

@tool
def count(n: int, path: str = "", size: int = 0):
    try:
        for i in range(n):
            yield "x" * size if size else i
    finally:
        if path:
            write(path, "closed")

@tool
async def count_async(n: int, path: str = "", size: int = 0):
    try:
        for i in range(n):
            if size:
                write(path, ".", "")
            yield "x" * size if size else i
    finally:
        if path:
            write(path, "closed")

@tool
async def one_and_wait(begun: str, gate: str):
    yield 1
    mark(begun)
    while not os.path.exists(gate):
        await asyncio.sleep(0.005)
    yield 2

@tool
def fail_after(n: int):
    yield from range(n)
    raise LookupError("no more")

@tool
def unsendable_after(n: int):
    yield from range(n)
    yield {"rows": [lambda: 1]}

@tool
def die_after(n: int, gate: str):
    yield from range(n)
    while not os.path.exists(gate):
        time.sleep(0.005)
    os._exit(3)

@tool
def total(rows):
    return sum(rows)

@tool
def first(rows, count: int):
    return [next(rows) for _ in range(count)]

@tool
def caught(rows):
    got = []
    try:
        for row in rows:
            got.append(row)
    except terrarium.FeedError as error:
        return [got, error.type, str(error), error.feed]
    return [got]

@tool
async def double(rows):
    async for row in rows:
        yield row + row

@tool
def noted(rows, path: str):
    write(path, "begun")
    try:
        for _ in rows:
            pass
    except terrarium.FeedError as error:
        write(path, str(error))

@tool(batch=4)
def batched(rows):
    return rows
`

interface Count {
  readonly n: number
  readonly path?: string
  readonly size?: number
}

interface Rows {
  readonly rows: AsyncIterableIterator<number>
}

async function* count({ n, path = '', size = 0 }: Count): AsyncGenerator {
  try {
    for (let i = 0; i < n; i++) {
      if (size > 0) appendFileSync(path, '.')
      yield await Promise.resolve(size > 0 ? 'x'.repeat(size) : i)
    }
  } finally {
    if (path !== '') appendFileSync(path, 'closed\n')
  }
}

const until = async (gate: string, signal: AbortSignal): Promise<void> => {
  while (!existsSync(gate) && !signal.aborted) await wait(5)
}

export const TEST_STREAM_TOOLS: TestPoolOptions['tools'] = {
  count: { run: count, isAsync: false },
  count_async: count,
  one_and_wait: async function* ({ begun, gate }: { begun: string; gate: string }, { signal }) {
    yield 1
    appendFileSync(begun, '')
    await until(gate, signal)
    yield 2
  },
  fail_after: function* ({ n }: Count) {
    for (let i = 0; i < n; i++) yield i
    throw Object.assign(new Error('no more'), { name: 'LookupError' })
  },
  unsendable_after: function* ({ n }: Count) {
    for (let i = 0; i < n; i++) yield i
    yield { rows: [() => 1] }
  },
  die_after: {
    isAsync: false,
    run: async function* ({ n, gate }: Count & { readonly gate: string }, { signal, exit }) {
      for (let i = 0; i < n; i++) yield i
      await until(gate, signal)
      await exit({ code: 3 })
    },
  },
  total: {
    isAsync: false,
    run: async ({ rows }: Rows) => {
      let sum = 0
      for await (const row of rows) sum += row
      return sum
    },
  },
  first: {
    isAsync: false,
    run: async ({ rows, count }: Rows & { readonly count: number }) => {
      const got: unknown[] = []
      while (got.length < count) got.push((await rows.next()).value)
      return got
    },
  },
  caught: {
    isAsync: false,
    run: async ({ rows }: Rows) => {
      const got: unknown[] = []
      try {
        for await (const row of rows) got.push(row)
      } catch (error) {
        if (error instanceof FeedError) return [got, error.type, error.message, error.feed]
        throw error
      }
      return [got]
    },
  },
  double: async function* ({ rows }: Rows) {
    for await (const row of rows) yield row + row
  },
  noted: {
    isAsync: false,
    run: async ({ rows, path }: Rows & { readonly path: string }) => {
      appendFileSync(path, 'begun\n')
      try {
        for await (const _ of rows);
      } catch (error) {
        appendFileSync(path, `${(error as Error).message}\n`)
      }
    },
  },
  batched: { run: ({ rows }: { rows: unknown[] }) => rows, batch: 4 },
}
