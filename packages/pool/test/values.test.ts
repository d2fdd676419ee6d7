import { inspect } from 'node:util'
import { expect, test } from '@jest/globals'
import { createPool, NdArray, type Pool, type PoolOptions } from '@terrarium/pool'
import type { TerrariumError } from '@terrarium/supervisor/base'
import { habitat, testPython, type Habitat } from '../../../test/support/terrarium.ts'
import {
  javascriptValue,
  refusedRows,
  same,
  sentRows,
  VALUE_TOOLS,
  withoutPackage,
  type RefusedRow,
  type SentRow,
} from '../../../test/support/values.ts'
import { testUnless } from '../../../test/support/when.ts'

async function started(home: Habitat, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'values', tools: VALUE_TOOLS, concurrency: 16, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(1)
  return pool
}

/**
 * Sends the values of rows to Python, where they are compared with what the table says, and has Python send its own.
 */
async function walk(pool: Pool, rows: readonly SentRow[]): Promise<void> {
  expect(rows.length).toBeGreaterThan(0)
  for (const { javascript, python, to, needs } of rows) {
    const value = javascriptValue(javascript)
    if (to !== 'javascript') {
      expect([javascript, await pool.call('is_same', { value, expression: python, needs })]).toEqual([javascript, ''])
    }
    if (to === 'python') continue
    const arrived = await pool.call('make', { expression: python, needs })
    expect([python, inspect(arrived)]).toEqual([python, inspect(value)])
    expect(same(arrived, value)).toBe(true)
  }
}

async function refuse(pool: Pool, rows: readonly RefusedRow[]): Promise<void> {
  for (const { in: side, value, message, hint, needs } of rows) {
    const call =
      side === 'Python'
        ? pool.call('make_in', { expression: value, needs })
        : pool.call('is_same', { value: { rows: [1, { price: javascriptValue(value) }] }, expression: '1' })
    const subject = side === 'Python' ? 'the result of make_in: ' : 'the arguments of is_same: '
    const at = side === 'Python' ? 'rows[1].price' : 'value.rows[1].price'
    await expect(call).rejects.toMatchObject({
      code: side === 'Python' ? 'RESULT_NOT_SENDABLE' : 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${subject}${message} at ${at}`),
      hint,
      details: { place: expect.stringContaining(at) },
    })
  }
}

const without = <R extends { readonly needs?: string }>(rows: readonly R[]): R[] =>
  rows.filter(({ needs }) => needs === undefined)
const of = <R extends { readonly needs?: string }>(rows: readonly R[], name: string): R[] =>
  rows.filter(({ needs }) => needs === name)

test('the table holds through a real worker, both ways, and nothing is imported for it', async () => {
  const pool = await started(habitat())
  await walk(pool, without(sentRows))
  await refuse(pool, without(refusedRows))
  expect(await pool.call('imported')).toEqual([])
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
  await pool.stop()
})

for (const name of ['numpy', 'pandas', 'pydantic', 'attrs']) {
  testUnless(withoutPackage(testPython(), name))(
    `the table holds through a real worker for values of ${name}`,
    async () => {
      const pool = await started(habitat())
      await walk(pool, of(sentRows, name))
      await refuse(pool, of(refusedRows, name))
      expect(await pool.call('imported')).toContain(name)
      await pool.stop()
    },
  )
}

const oldest = process.env.TERRARIUM_PYTHON_OLDEST
testUnless(
  oldest === undefined ? 'no environment with the oldest packages is named in TERRARIUM_PYTHON_OLDEST' : undefined,
)('the table holds with the oldest packages that are supported', async () => {
  const pool = await started(habitat(), { python: oldest ?? '' })
  await walk(pool, without(sentRows))
  await refuse(pool, without(refusedRows))
  await pool.stop()
})

test('B1: neither arguments nor results of a call hold anything of another one', async () => {
  const home = habitat()
  const tools = home.file(
    'tools.py',
    `
from terrarium import tool

@tool
def seen(value, secret=""):
    return bytes(value).hex()

@tool
def blob(size, fill):
    return {"data": bytes([fill]) * size, "text": "x" * 50}
`,
  )
  const pool = await started(home, { tools })
  const secret = 'tHiS-iS-a-SeCrEt'.repeat(4_000)
  const calls = [1, 3, 100, 5_000].flatMap((length) => {
    const value = new Uint8Array(length).fill(7)
    return [pool.call('seen', { value: Buffer.alloc(0), secret }), pool.call('seen', { value: value.subarray(1) })]
  })
  const seen = await Promise.all(calls)
  expect(seen.filter((_, index) => index % 2 === 1)).toEqual(
    [1, 3, 100, 5_000].map((length) => '07'.repeat(length - 1)),
  )

  const results = await Promise.all(
    [1, 10, 1_000, 300_000].flatMap((size) => [
      pool.call<{ data: Buffer }>('blob', { size, fill: 1 }),
      pool.call<{ data: Buffer }>('blob', { size, fill: 2 }),
    ]),
  )
  for (const [index, { data }] of results.entries()) {
    expect(data.byteOffset).toBe(0)
    expect(new Set(new Uint8Array(data.buffer))).toEqual(new Set([1 + (index % 2)]))
    expect(data.buffer.byteLength).toBe(data.byteLength)
  }
  await pool.stop()
})

testUnless(withoutPackage(testPython(), 'numpy'))('a type hint makes an ndarray of an array, or bytes', async () => {
  const home = habitat()
  const tools = home.file(
    'tools.py',
    `
from __future__ import annotations
from typing import TYPE_CHECKING, Annotated, Any, Optional
import numpy as np
from numpy.typing import NDArray
from terrarium import tool
if TYPE_CHECKING:
    from nowhere import Nothing

def tell(value):
    if isinstance(value, np.ndarray):
        value.fill(0) # it can be written
        return f"{value.dtype} {list(value.shape)} aligned={value.flags.aligned}"
    return f"{type(value).__name__} {value!r}"

@tool
def plain(x: np.ndarray): return tell(x)
@tool
def typed(x: NDArray[np.float32]): return tell(x)
@tool
def optional(x: Optional[np.ndarray] = None): return tell(x)
@tool
def modern(x: np.ndarray | None = None, other: Nothing = 1): return tell(x)
@tool
def annotated(x: Annotated[NDArray[Any], "an image"]): return tell(x)
@tool
def listed(x: list[np.ndarray]): return [tell(each) for each in x]
@tool
def named(x: dict[str, NDArray[np.float64]]): return {name: tell(each) for name, each in x.items()}
@tool
def others(**x: np.ndarray): return {name: tell(each) for name, each in x.items()}
@tool
async def later(x: np.ndarray): return tell(x)
@tool
def octets(x: bytes): return tell(x)
@tool
def mutable(x: bytearray): return tell(x)
@tool
def viewed(x: memoryview): return f"{type(x).__name__} {x.format} {x.tolist()}"
@tool
def either(x: bytes | np.ndarray): return tell(x)
@tool
def unhinted(x): return f"{type(x).__name__} {x.format} {x.shape} {np.shares_memory(np.asarray(x), np.frombuffer(x.obj, 'u1'))}"
@tool
def back(x: np.ndarray): return np.asfortranarray(x * 2)
`,
  )
  const pool = await started(home, { tools })
  const floats = new Float32Array([1.5, 2.5, 3.5, 4.5, 5.5, 6.5])
  const grid = new NdArray(floats, [2, 3])
  const is = async (tool: string, x: unknown, expected: unknown): Promise<void> => {
    expect([tool, await pool.call(tool, { x })]).toEqual([tool, expected])
  }
  await is('unhinted', floats.subarray(1), 'memoryview f (5,) True')
  await is('unhinted', grid, 'memoryview f (2, 3) True')
  for (const tool of ['plain', 'typed', 'optional', 'modern', 'annotated', 'later', 'either']) {
    await is(tool, floats, 'float32 [6] aligned=True')
    await is(tool, grid, 'float32 [2, 3] aligned=True')
    await is(tool, new NdArray(new Float64Array(), [0, 3]), 'float64 [0, 3] aligned=True')
    await is(tool, new NdArray(new Float64Array(), [3, 0]), 'float64 [3, 0] aligned=True')
    await is(tool, new NdArray(new Uint8Array(2), [2], 'bool'), 'bool [2] aligned=True')
    await is(tool, new NdArray(new BigInt64Array(2), [2], 'datetime64[ms]'), 'datetime64[ms] [2] aligned=True')
    await is(tool, new BigUint64Array(1), 'uint64 [1] aligned=True')
  }
  for (const tool of ['optional', 'modern']) {
    await is(tool, null, 'NoneType None')
    await is(tool, undefined, 'NoneType None')
  }
  await is('plain', Buffer.from('ab'), 'uint8 [2] aligned=True')
  await is(
    'plain',
    [
      [1, 2],
      [3, 4],
    ],
    'int64 [2, 2] aligned=True',
  )
  await is('typed', [1, 2], 'float32 [2] aligned=True')
  await is('either', Buffer.from('ab'), "bytes b'ab'")
  await is('listed', [floats, grid], ['float32 [6] aligned=True', 'float32 [2, 3] aligned=True'])
  await is('named', { a: floats, b: [1] }, { a: 'float32 [6] aligned=True', b: 'float64 [1] aligned=True' })
  expect(await pool.call('others', { a: floats })).toEqual({ a: 'float32 [6] aligned=True' })
  await is('octets', new Uint16Array([1, 2]), "bytes b'\\x01\\x00\\x02\\x00'")
  await is('octets', 'text', "str 'text'")
  await is('mutable', new Uint8Array([97]), "bytearray bytearray(b'a')")
  await is('mutable', Buffer.from('a'), "bytearray bytearray(b'a')")
  await is('viewed', Buffer.from('a'), 'memoryview B [97]')
  await is('viewed', new Int16Array([-1]), 'memoryview h [-1]')
  expect(await pool.call('back', { x: grid })).toEqual(
    new NdArray(
      floats.map((n) => n * 2),
      [2, 3],
    ),
  )
  await expect(pool.call('plain', { x: [[1], [1, 2]] })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('an argument cannot be converted to its type hint at x: ValueError:'),
    details: { place: 'x' },
  })
  await pool.stop()
})

test('an empty dict is a Map where the hint of the result says that its keys are no strings', async () => {
  const home = habitat()
  const tools = home.file(
    'tools.py',
    `
from typing import Annotated, Any, Optional
from terrarium import tool

@tool
def counts(of: dict[Any, int]) -> dict[int, int]: return of
@tool
def maybe(of) -> Optional[dict[tuple[int, int], int]]: return of
@tool
def nested(of) -> dict[str, list[Annotated[dict[float, str], "x"]]]: return {"rows": [of, of]}
@tool
async def later(of) -> dict[bool, int]: return of
@tool
def names(of) -> dict[str, int]: return of
@tool
def unhinted(of): return of
`,
  )
  const pool = await started(home, { tools })
  for (const tool of ['counts', 'maybe', 'later']) {
    expect(await pool.call(tool, { of: {} })).toEqual(new Map())
    expect(await pool.call(tool, { of: new Map([[1, 2]]) })).toEqual(new Map([[1, 2]]))
  }
  expect(await pool.call('maybe', { of: null })).toBeNull()
  expect(await pool.call('nested', { of: {} })).toEqual({ rows: [new Map(), new Map()] })
  expect(await pool.call('names', { of: new Map() })).toEqual({})
  expect(await pool.call('unhinted', { of: new Map([['a', 1]]) })).toEqual({ a: 1 })
  await pool.stop()
})

testUnless(withoutPackage(testPython(), 'numpy'))(
  'attributes of an exception are values: registered types, arrays and Decimals; what cannot be read here is left out',
  async () => {
    class Money {
      readonly cents: number
      constructor(cents: number) {
        this.cents = cents
      }
    }
    const home = habitat()
    const tools = home.file(
      'tools.py',
      `
from decimal import Decimal
import numpy
from terrarium import register_type, tool

class Money:
    def __init__(self, cents): self.cents = cents
class Secret(Money): pass

register_type("Money", Money, encode=lambda money: money.cents, decode=Money)
register_type("Secret", Secret, encode=lambda secret: secret.cents)

class Refused(Exception):
    def __init__(self, **attributes):
        super().__init__("refused")
        self.__dict__.update(attributes)

@tool
def refuse(price):
    raise Refused(price=price, rate=Decimal("1.10"), grid=numpy.eye(2, dtype="i2"), empty={}, secret=Secret(1),
                  frame=object(), none=None, nested=[{"price": price}])
`,
    )
    const types = [
      { name: 'Money', class: Money, encode: ({ cents }: Money) => cents, decode: (n: number) => new Money(n) },
    ]
    const pool = await started(home, { tools, types })
    const error = await pool.call('refuse', { price: new Money(110) }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'PYTHON_ERROR', message: expect.stringContaining('Refused: refused') })
    expect((error as TerrariumError).details.attributes).toEqual({
      price: new Money(110),
      rate: '1.10',
      grid: new NdArray(Int16Array.of(1, 0, 0, 1), [2, 2]),
      empty: {},
      nested: [{ price: new Money(110) }],
    })
    await pool.stop()
  },
)

/** Hints of keys, and whether such keys are certainly no strings in JavaScript. */
const KEYS: readonly [string, boolean][] = [
  ...['int', 'float', 'bool', 'bytes', 'None', 'datetime', 'tuple', 'tuple[int, str]', 'frozenset[int]'].map(
    (hint): [string, boolean] => [hint, true],
  ),
  ['int | None', true],
  ['Union[int, float]', true],
  ['Annotated[int, "x"]', true],
  ['Literal[1, 2]', true],
  ['Id', true],
  ['Color', true],
  ['Level', true],
  ['Pair', true],
  ['Money', true],
  ...['str', 'Any', 'int | str', 'Literal["a", 1]', 'Shade', 'UUID', 'date', 'Decimal', 'Path', 'Unknown'].map(
    (hint): [string, boolean] => [hint, false],
  ),
]

test('an empty dict is a Map where, and only where, its hint allows no key that is a string', async () => {
  const home = habitat()
  const tool = (hint: string, index: number): string => `
@tool
def tool_${index}() -> ${hint}: return {}
`
  const hints = KEYS.map(([key, isMap]): [string, boolean] => [`dict[${key}, int]`, isMap])
  hints.push(['defaultdict[int, str]', true], ['OrderedDict[int, str]', true], ['Counter[int]', true])
  hints.push(['Mapping[int, str]', true], ['Counter[str]', false], ['dict', false], ['DefaultDict[str, int]', false])
  const tools = home.file(
    'tools.py',
    `
from __future__ import annotations
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, DefaultDict, Literal, NamedTuple, NewType, Union
from uuid import UUID
from terrarium import register_type, tool

Id = NewType("Id", int)
class Color(Enum): RED = 1
class Level(IntEnum): LOW = 1
class Shade(Enum): RED = "red"
class Pair(NamedTuple):
    a: int
class Money: pass
register_type("Money", Money, encode=lambda money: None)
${hints.map(([hint], index) => tool(hint, index)).join('')}`,
  )
  const pool = await started(home, { tools })
  const found = await Promise.all(hints.map((_, index) => pool.call(`tool_${index}`)))
  expect(hints.map(([hint], index) => [hint, found[index]])).toEqual(
    hints.map(([hint, isMap]) => [hint, isMap ? new Map() : {}]),
  )
  await pool.stop()
})

test('undefined is not given: the default of the parameter applies', async () => {
  const home = habitat()
  const tools = home.file(
    'tools.py',
    'from terrarium import tool\n\n@tool\ndef limit(n: int = 10, **more): return [n, sorted(more)]\n',
  )
  const pool = await started(home, { tools })
  expect(await pool.call('limit', { n: undefined, a: undefined, b: null })).toEqual([10, ['b']])
  expect(await pool.call('limit', { n: null })).toEqual([null, []])
  await pool.stop()
})

test('values of other realms, and of a frozen or an inherited kind, arrive', async () => {
  const { runInNewContext } = await import('node:vm')
  const pool = await started(habitat())
  const value: unknown = runInNewContext('({ a: [new Map([[1, new Set([2])]]), new Date(0), new Int8Array([1])] })')
  const expression = "{'a': [{1: {2}}, datetime(1970, 1, 1, tzinfo=timezone.utc), memoryview(array('b', [1]))]}"
  expect(await pool.call('is_same', { value, expression })).toBe('')
  const frozen = Object.freeze({ a: Object.freeze([1]) })
  expect(await pool.call('is_same', { value: frozen, expression: "{'a': [1]}" })).toBe('')
  await pool.stop()
})
