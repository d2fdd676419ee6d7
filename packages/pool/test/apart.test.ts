// Long bytes and arrays through real workers, over both transports.
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { NdArray, type PoolOptions } from '@terrarium/pool'
import { decode, encode } from '@terrarium/worker'
import { habitat, testPython, type Habitat } from '../../../test/support/terrarium.ts'
import { same, withoutPackage } from '../../../test/support/values.ts'
import { testUnless } from '../../../test/support/when.ts'
import { started } from './started.ts'

const TRANSPORTS = ['socket', 'grpc'] as const
const LEAST = 64 * 1024

const TOOLS = `
import asyncio
from terrarium import tool

@tool
def echo(value): return value

@tool
async def echo_later(value):
    await asyncio.sleep(0)
    return value

@tool
def kind(value):
    return f"{type(value).__name__} {len(value)} {getattr(value, 'readonly', None)}"

frame = bytearray(${3 * LEAST})

@tool
def fill(byte: int):
    frame[:] = bytes([byte]) * len(frame)
    return [frame, memoryview(frame)[:${LEAST}]]

@tool
async def fill_later(byte: int):
    return fill(byte)

# Async, so that it runs on the thread that sends the results of fill_later, when the last one is sent.
@tool
async def grow():
    frame.extend(b"12")
    del frame[-2:]
    return len(frame)
`

const tools = (home: Habitat): Partial<PoolOptions> => ({ tools: home.file('tools.py', TOOLS) })

const view = fc
  .tuple(fc.constantFrom(0, 16, LEAST - 16, LEAST, LEAST + 16, 20 * LEAST), fc.nat(255), fc.nat(3))
  .map(([length, fill, form]) => {
    const bytes = Buffer.from(new ArrayBuffer(length)).fill(fill)
    if (form === 0) return bytes
    if (form === 1) return new Float64Array(bytes.buffer)
    if (form === 2) return new Uint16Array(bytes.buffer)
    return new NdArray(new Float32Array(bytes.buffer), [length / 8, 2])
  })

const { value: tree } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    { arbitrary: view, weight: 3 },
    { arbitrary: fc.string(), weight: 1 },
    { arbitrary: fc.array(tie('value'), { maxLength: 3 }), weight: 2 },
    { arbitrary: fc.dictionary(fc.string({ maxLength: 3 }), tie('value'), { maxKeys: 3 }), weight: 2 },
  ),
}))

test.each(TRANSPORTS)('%s: values with long parts come back as they were, many at a time', async (transport) => {
  const home = habitat()
  const pool = await started(home, { ...tools(home), transport })
  const values = fc.sample(tree, { numRuns: 60, seed: 7 })
  const calls = values.flatMap((value) => [pool.call('echo', { value }), pool.call('echo_later', { value })])
  const arrived = await Promise.all(calls)
  for (const [index, value] of values.entries()) {
    const expected = decode(encode(value))
    expect(same(arrived[2 * index], expected)).toBe(true)
    expect(same(arrived[2 * index + 1], expected)).toBe(true)
  }
  await pool.stop()
})

test.each(TRANSPORTS)('%s: what a tool is given does not depend on the length', async (transport) => {
  const home = habitat()
  const pool = await started(home, { ...tools(home), transport })
  for (const length of [LEAST - 8, LEAST, 40 * LEAST]) {
    expect(await pool.call('kind', { value: Buffer.alloc(length) })).toBe(`bytes ${length} None`)
    expect(await pool.call('kind', { value: new Float64Array(length / 8) })).toBe(`memoryview ${length / 8} True`)
  }
  await pool.stop()
})

test.each(TRANSPORTS)('%s: what arrives has memory of its own', async (transport) => {
  const home = habitat()
  const pool = await started(home, { ...tools(home), transport })
  const [bytes, floats] = await pool.call<[Buffer, Float64Array]>('echo', {
    value: [Buffer.alloc(LEAST, 1), new Float64Array(LEAST)],
  })
  for (const { buffer, byteOffset, byteLength } of [bytes, floats]) {
    expect([byteOffset, buffer.byteLength]).toEqual([0, byteLength])
  }
  await pool.stop()
})

test.each(TRANSPORTS)('%s: a result is what it was when the tool returned', async (transport) => {
  const home = habitat()
  const pool = await started(home, { ...tools(home), transport, concurrency: 32 })
  for (const tool of ['fill', 'fill_later']) {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, byte) => pool.call<[Buffer, Buffer]>(tool, { byte })),
    )
    for (const [byte, [whole, part]] of results.entries()) {
      expect(whole.equals(Buffer.alloc(3 * LEAST, byte))).toBe(true)
      expect(part.equals(Buffer.alloc(LEAST, byte))).toBe(true)
    }
  }
  // Nothing holds the memory of the tool any more, or its length could not change.
  expect(await pool.call('grow')).toBe(3 * LEAST)
  await pool.stop()
})

test('an argument whose memory was transferred before it was sent is an error, and the worker goes on', async () => {
  const home = habitat()
  const options = { tools: home.file('tools.py', `import time\n${TOOLS}\n@tool\ndef nap(): time.sleep(0.3)\n`) }
  const pool = await started(home, { ...options, transport: 'socket', concurrency: 1 })
  const nap = pool.call('nap')
  const value = new Uint8Array(LEAST)
  const waiting = pool.call('echo', { value })
  structuredClone(value.buffer, { transfer: [value.buffer] })
  await expect(waiting).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('memory'),
    hint: expect.any(String),
  })
  await nap
  expect(await pool.call('kind', { value: Buffer.alloc(LEAST) })).toBe(`bytes ${LEAST} None`)
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
  await pool.stop()
})

testUnless(withoutPackage(testPython(), 'numpy'))('a long array is made an ndarray in place', async () => {
  const home = habitat()
  const file = home.file(
    'tools.py',
    `
import numpy as np
from terrarium import tool

@tool
def double(image: np.ndarray, others: list[np.ndarray]):
    image *= 2
    return [image, image.T, others[0][::2], image.flags.writeable, image.base is not None]
`,
  )
  const pool = await started(home, { tools: file, transport: 'socket' })
  const image = new NdArray(new Float32Array(2 * LEAST).fill(1.5), [LEAST, 2])
  const others = [new Int16Array(2 * LEAST).map((_, index) => index)]
  const twice = new Float32Array(2 * LEAST).fill(3)
  expect(
    same(await pool.call('double', { image, others }), [
      new NdArray(twice, [LEAST, 2]),
      new NdArray(twice, [2, LEAST]),
      new NdArray(others[0]?.filter((_, index) => index % 2 === 0) ?? new Int16Array(), [LEAST]),
      true,
      true,
    ]),
  ).toBe(true)
  expect(image.data[0]).toBe(1.5)
  await pool.stop()
})
