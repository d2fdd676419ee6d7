// Plain functions as tools: what `expose` takes, what it refuses, and positional arguments.
import { expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { testPool } from '@terrarium/pool/testing'
import { habitat, type Habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

const OWN = `
"""A module that knows nothing of Terrarium."""
import asyncio

LIMIT = 3

class Box:
    def __init__(self, size: int = 1):
        self.size = size
    def volume(self):
        return self.size ** 3
    @staticmethod
    def scale(size, by=2):
        return size * by

def join(*parts, sep="-"):
    return sep.join(parts)

def keyword(a, b: bytes = b"", *, c=0):
    return [a, type(b).__name__, c]

def only(a, b=2, /):
    return a - b

async def later(value):
    await asyncio.sleep(0.001)
    return value

def count(n):
    yield from range(n)
`

async function started(home: Habitat, options: Omit<PoolOptions, 'name'>): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'plain', ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(1)
  return pool
}

test.each(TRANSPORTS)(
  '%s: builtin, positional-only, variadic, class and async functions, by position and by keyword',
  async (transport) => {
    const home = habitat()
    const expose = ['join', 'keyword', 'only', 'later', 'Box.scale']
    const pool = await started(home, {
      tools: [home.file('own.py', OWN), 'math', 'builtins'],
      transport,
      expose: [...expose, 'sqrt', 'hypot', 'complex', 'sorted'],
    })
    expect(await pool.call('sqrt', [2])).toBe(Math.SQRT2)
    expect(await pool.call('hypot', [3, 4])).toBe(5)
    expect(await pool.call('sorted', [[3, 1, 2]])).toEqual([1, 2, 3])
    expect(await pool.call('join', ['a', 'b', 'c'])).toBe('a-b-c')
    expect(await pool.call('join', { sep: '+' })).toBe('')
    expect(await pool.call('only', [5])).toBe(3)
    expect(await pool.call('only', [5, 1])).toBe(4)
    expect(await pool.call('later', ['soon'])).toBe('soon')
    expect(await pool.call('later', { value: 1 })).toBe(1)
    expect(await pool.call('Box.scale', [4])).toBe(8)
    expect(await pool.call('keyword', [1, new Uint8Array(2)])).toEqual([1, 'bytes', 0])
    expect(await pool.call('keyword', { a: 1, c: 2 })).toEqual([1, 'bytes', 2])
    await expect(pool.call('complex', [1, 2])).rejects.toMatchObject({ code: 'RESULT_NOT_SENDABLE' })
    await expect(pool.call('sqrt', { x: 2 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('pass the arguments as an array'),
    })
    await expect(pool.call('keyword', [1, 2, 3, 4])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('too many positional arguments'),
    })
    await expect(pool.call('sqrt', [-1])).rejects.toMatchObject({
      code: 'PYTHON_ERROR',
      details: { type: 'ValueError' },
    })
    await pool.stop()
  },
)

test('a class is called like a function', async () => {
  const pool = await started(habitat(), { tools: 'fractions', expose: ['Fraction', 'Fraction.limit_denominator'] })
  await expect(pool.call('Fraction', [1, 3])).rejects.toMatchObject({
    code: 'RESULT_NOT_SENDABLE',
    details: { type: expect.stringContaining('Fraction') },
  })
  await pool.stop()
  const dates = await started(habitat(), { tools: 'pathlib', expose: ['PurePosixPath'] })
  expect(await dates.call('PurePosixPath', ['a', 'b'])).toBe('a/b')
  await dates.stop()
})

test.each(TRANSPORTS)('%s: ufuncs and functions of numpy, with arrays', async (transport) => {
  const pool = await started(habitat(), {
    tools: 'numpy',
    expose: ['linalg.norm', 'linalg.svd', 'add', 'arange'],
    transport,
  })
  expect(await pool.call('linalg.norm', [new Float64Array([3, 4])])).toBe(5)
  expect(await pool.call('add', [1.5, 2])).toBe(3.5)
  expect(await pool.call('arange', [3])).toMatchObject({ data: expect.anything() })
  const [, values] = await pool.call<[unknown, { data: Float64Array }]>('linalg.svd', {
    a: [
      [2, 0],
      [0, 1],
    ],
  })
  expect([...values.data]).toEqual([2, 1])
  await pool.stop()
})

test.each([
  ['a constant', 'math', ['sqrt', 'pi'], 'pi of math is no function but a float'],
  ['a module', 'os', ['path'], 'path of os is no function but a module'],
  ['a name that is not there', 'math', ['sqrtt'], 'math has no sqrtt: did you mean sqrt'],
  ['an attribute of what is not there', 'math', ['nothing.at.all'], 'math has no nothing.at.all'],
  ['a name that is named twice', 'math', ['sqrt', 'sqrt'], "the name 'sqrt' is taken by sqrt"],
])('%s is a CONFIGURATION error that says so', async (_, tools, expose, message) => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const pool = createPool({ ...home.common, name: 'plain', tools, expose })
  await expect(pool.start()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining(message),
    hint: expect.stringContaining('expose'),
    details: { kind: 'invalid_tool' },
  })
  await pool.stop()
})

test('a module that is missing is named as ever', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  for (const [tools, expose, message] of [['no_such_snake.linalg', ['norm'], /no_such_snake/]] as const) {
    const pool = createPool({ ...home.common, name: 'plain', tools, expose })
    await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION', message: expect.stringMatching(message) })
    await pool.stop()
  }
})

test('functions that are marked and functions that are exposed are tools side by side', async () => {
  const home = habitat()
  const marked = home.file(
    'marked.py',
    'from terrarium import tool\n@tool\ndef twice(n): return 2 * n\ndef plain(n): return n\n',
  )
  const pool = await started(home, { tools: marked, expose: ['plain'] })
  expect([await pool.call('twice', [2]), await pool.call('twice', { n: 3 }), await pool.call('plain', [4])]).toEqual([
    4, 6, 4,
  ])
  await expect(pool.call('twice', [1, 2])).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'twice(n): too many positional arguments',
  })
  await pool.stop()
})

test('a tool of a test takes positional arguments by its parameters, and else as an array', async () => {
  const sum = { run: ({ a, b }: { a: number; b: number }) => a + b, parameters: ['a', 'b'] }
  const pool = testPool({ name: 'plain', tools: { sum, list: (given: unknown) => given } })
  await pool.start()
  expect(await pool.call('sum', [1, 2])).toBe(3)
  expect(await pool.call('list', [1, 2])).toEqual([1, 2])
  await expect(pool.call('sum', [1, 2, 3])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await pool.stop()
})
