// The same tools in Python and as functions of a test, for scenarios that run on both kinds of pool.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { TestExit, TestPoolOptions } from '@terrarium/pool/testing'

export const PYTHON_TOOLS = `
import asyncio, os, signal, time
from terrarium import HostError, host, tool

def mark(path):
    if path:
        open(path, "x").close()

@tool
def echo(value=None):
    return value

@tool
def add(a, b=1):
    return a + b

@tool
def note(path: str, name: str) -> str:
    with open(path, "a", encoding="utf-8") as file:
        file.write(name + "\\n")
    return name

@tool
def fail(message: str):
    error = ValueError(message)
    error.sku = 7
    error.parts = ["a", {"b": 1.5}]
    raise error

@tool
def die(code: int = 1):
    os._exit(code)

@tool
def die_once(path: str):
    if os.path.exists(path):
        return "alive"
    mark(path)
    os._exit(3)

@tool
def die_by(name: str):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(60)

@tool
def hold(begun: str, gate: str, name: str = "held") -> str:
    mark(begun)
    while not os.path.exists(gate):
        time.sleep(0.005)
    return name

@tool
async def hold_async(begun: str, gate: str, name: str = "held") -> str:
    mark(begun)
    while not os.path.exists(gate):
        await asyncio.sleep(0.005)
    return name

@tool
def say(text: str):
    print(text)

@tool
def ask(name, sku=None, timeout=None):
    try:
        return host.call(name, timeout=timeout and timeout / 1000, **({} if sku is None else {"sku": sku}))
    except HostError as error:
        details = {key: error.details[key] for key in ("sku", "cycle") if key in error.details}
        return [error.code, error.type, str(error), details]

@tool
def read(name):
    return [item if isinstance(item, int) else len(item) for item in host.stream(name)]

@tool
def price():
    return host.call("fail")

@tool
def unsendable():
    return {"rows": [{"price": 1}, {"price": lambda: 1}]}
`

const mark = (path: string): void => {
  if (path !== '') writeFileSync(path, '', { flag: 'wx' })
}

interface Hold {
  readonly begun: string
  readonly gate: string
  readonly name?: string
}

interface Asked {
  readonly name: string
  readonly sku?: string
  readonly timeout?: number
}

interface HostFailed {
  readonly code: string
  readonly type: string
  readonly message: string
  readonly details: object
}

const until = async (gate: string, signal: AbortSignal): Promise<void> => {
  while (!existsSync(gate) && !signal.aborted) await wait(5)
}

export const TEST_TOOLS: TestPoolOptions['tools'] = {
  echo: { run: ({ value }: { value?: unknown }) => value, parameters: ['value?'] },
  add: { run: ({ a, b = 1 }: { a: number; b?: number }) => a + b, parameters: ['a', 'b?'] },
  note: ({ path, name }: { path: string; name: string }) => {
    appendFileSync(path, `${name}\n`)
    return name
  },
  fail: ({ message }: { message: string }) => {
    throw Object.assign(new Error(message), { name: 'ValueError', sku: 7, parts: ['a', { b: 1.5 }] })
  },
  die: ({ code = 1 }: { code?: number }, { exit }) => exit({ code }),
  die_once: ({ path }: { path: string }, { exit }) => {
    if (existsSync(path)) return 'alive'
    mark(path)
    return exit({ code: 3 })
  },
  die_by: ({ name }: { name: NonNullable<TestExit['signal']> }, { exit }) => exit({ signal: name }),
  hold: ({ begun, gate, name = 'held' }: Hold, { signal }) => {
    mark(begun)
    return until(gate, signal).then(() => name)
  },
  hold_async: async ({ begun, gate, name = 'held' }: Hold, { signal }) => {
    mark(begun)
    await until(gate, signal)
    return name
  },
  say: ({ text }: { text: string }, { print }) => {
    print(text)
  },
  ask: {
    run: async ({ name, sku, timeout }: Asked, { host }) => {
      try {
        const options = timeout === undefined ? {} : { timeout }
        return await host.call(name, sku === undefined ? {} : { sku }, options)
      } catch (error) {
        const { code, type, message, details } = error as HostFailed
        const shown = Object.entries(details).filter(([key]) => ['sku', 'cycle'].includes(key))
        return [code, type, message, Object.fromEntries(shown)]
      }
    },
    isAsync: false,
  },
  read: {
    run: async ({ name }: Asked, { host }) => {
      const got: unknown[] = []
      for await (const item of host.stream(name)) got.push(typeof item === 'number' ? item : String(item).length)
      return got
    },
    isAsync: false,
  },
  price: { run: (_args, { host }) => host.call('fail'), isAsync: false },
  unsendable: () => ({ rows: [{ price: 1 }, { price: () => 1 }] }),
}
