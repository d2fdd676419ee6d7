// What a pool tells of its tools.
import { expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { testPool } from '@terrarium/pool/testing'
import { habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

const TOOLS = `
import datetime
import functools
from typing import Optional
from terrarium import tool

class Secret:
    def __repr__(self):
        raise RuntimeError("not for your eyes")

@tool
def count(text: str, limit: "int" = 10, *, by: Optional[str] = None, key=Secret(), **more: float) -> dict[str, int]:
    """Counts words.

    All of them:
        also these.
    """
    return {}

@tool(name="when")
async def at(moment: datetime.datetime):
    return moment

@tool(batch=8)
def double(n: list[int]) -> list[int]:
    return n

def twice(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

@tool
@twice
def decorated(a, b=1):
    return a

class Plain:
    """A class."""
    def __init__(self, size=1):
        self.size = size
`

test.each(TRANSPORTS)('%s: name, signature, docstring, kind and batch of each tool', async (transport) => {
  const home = habitat()
  const tools = [home.file('described.py', TOOLS), 'math']
  const pool = createPool({ ...home.common, name: 'tools', tools, expose: ['Plain', 'sqrt'], transport })
  expect(pool.tools).toEqual([])
  await pool.start()
  expect(pool.tools).toEqual([
    {
      name: 'count',
      signature: '(text: str, limit: int = 10, *, by: Optional[str] = None, key=..., **more: float) -> dict[str, int]',
      doc: 'Counts words.\n\nAll of them:\n    also these.',
      kind: 'sync',
      batch: 0,
    },
    { name: 'when', signature: '(moment: datetime.datetime)', doc: '', kind: 'async', batch: 0 },
    { name: 'double', signature: '(n: list[int]) -> list[int]', doc: '', kind: 'sync', batch: 8 },
    { name: 'decorated', signature: '(a, b=1)', doc: '', kind: 'sync', batch: 0 },
    { name: 'Plain', signature: '(size=1)', doc: 'A class.', kind: 'class', batch: 0 },
    { name: 'sqrt', signature: '(x, /)', doc: 'Return the square root of x.', kind: 'builtin', batch: 0 },
  ])
  await pool.stop()
})

test('a pool without Python tells what it knows', async () => {
  const run = async (): Promise<void> => Promise.resolve()
  const pool = testPool({ name: 'tools', tools: { run, add: { run: () => 1, parameters: ['a', 'b?'], batch: 2 } } })
  await pool.start()
  expect(pool.tools).toEqual([
    { name: 'run', signature: '', doc: '', kind: 'async', batch: 0 },
    { name: 'add', signature: '(a, b=…)', doc: '', kind: 'sync', batch: 2 },
  ])
  await pool.stop()
})
