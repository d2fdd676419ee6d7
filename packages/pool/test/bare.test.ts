// Every verb with an interpreter that has no package at all, neither msgpack nor grpcio: Terrarium reads and writes all
// by itself there.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool, type Pool } from '@terrarium/pool'
import { habitat, testPython } from '../../../test/support/terrarium.ts'

const TOOLS = `
import importlib.util
from terrarium import host, progress, session, tool

@tool
def packages():
    return [name for name in ("msgpack", "grpc", "google.protobuf") if find(name)]

def find(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False

@tool
def count(n: int):
    for item in range(n):
        yield {"item": item, "text": "é" * item}

@tool
def total(rows):
    return sum(row["n"] for row in rows)

@tool
def ask(name: str, named: dict = {}):
    return host.call(name, **named)

@tool
def read(name: str):
    return list(host.stream(name))

@tool
def keep(value):
    session().set("value", value)

@tool
def kept():
    return [session().id, session().get("value")]

@tool
def steps(count: int):
    for step in range(1, count + 1):
        progress(step, count, f"step {step}")
    return count
`

async function bare(): Promise<Pool> {
  const home = habitat()
  const venv = join(home.directory, 'bare venv')
  expect(spawnSync(testPython(), ['-m', 'venv', '--without-pip', venv]).status).toBe(0)
  const python = join(venv, 'bin', 'python')
  const tools = home.file('tools.py', TOOLS)
  const pool = createPool({ ...home.common, name: 'p', tools, python, transport: 'socket', env: { PYTHONPATH: '' } })
  await pool.start()
  expect(pool.stats.ready).toBe(1)
  expect(await pool.call('packages')).toEqual([])
  return pool
}

test('a stream', async () => {
  const pool = await bare()
  const items: unknown[] = []
  for await (const item of pool.stream('count', { n: 3 })) items.push(item)
  expect(items).toEqual([
    { item: 0, text: '' },
    { item: 1, text: 'é' },
    { item: 2, text: 'éé' },
  ])
  await pool.stop()
})

test('a feed', async () => {
  const pool = await bare()
  async function* rows(): AsyncGenerator<{ n: number }> {
    await new Promise(setImmediate)
    for (let n = 1; n <= 1_000; n += 1) yield { n }
  }
  expect(await pool.call('total', { rows: rows() })).toBe(500_500)
  await pool.stop()
})

test('host calls: a value, items, and a failure', async () => {
  const pool = await bare()
  pool.expose('price', ({ sku }: { sku: string }) => ({ sku, price: 1.5 }))
  pool.expose('items', function* () {
    yield 1
    yield [2, 'é']
  })
  pool.expose('fail', () => {
    throw Object.assign(new RangeError('no such price'), { code: 'NO_PRICE' })
  })
  expect(await pool.call('ask', { name: 'price', named: { sku: 'a' } })).toEqual({ sku: 'a', price: 1.5 })
  expect(await pool.call('read', { name: 'items' })).toEqual([1, [2, 'é']])
  await expect(pool.call('ask', { name: 'fail' })).rejects.toMatchObject({
    details: { type: 'terrarium.HostError', attributes: { code: 'NO_PRICE' } },
  })
  await pool.stop()
})

test('a session', async () => {
  const pool = await bare()
  const session = pool.session('a')
  await session.call('keep', { value: [1, 'é', null] })
  expect(await session.call('kept')).toEqual(['a', [1, 'é', null]])
  await session.close()
  expect(await pool.session('a').call('kept')).toEqual(['a', null])
  await pool.stop()
})

test('progress', async () => {
  const pool = await bare()
  const told: unknown[] = []
  expect(await pool.call('steps', { count: 3 }, { onProgress: (each) => told.push(each) })).toBe(3)
  expect(told.at(-1)).toEqual({ done: 3, total: 3, text: 'step 3' })
  await pool.stop()
})
