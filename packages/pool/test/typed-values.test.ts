import { expect, test } from '@jest/globals'
import { NdArray } from '@terrarium/pool'
import type { TerrariumError } from '@terrarium/supervisor/base'
import { habitat, testPython } from '../../../test/support/terrarium.ts'
import { withoutPackage } from '../../../test/support/values.ts'
import { testUnless } from '../../../test/support/when.ts'
import { started } from './started.ts'

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

/** Type hints of keys. True: such keys are no strings in JavaScript. */
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
