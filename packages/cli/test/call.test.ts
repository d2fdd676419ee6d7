import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, place } from './support.ts'

const TOOLS = `
import sys, time
from pathlib import Path
from terrarium import tool

@tool
def add(a: int, b: int = 1):
    print("adding")
    return {"sum": a + b, "bytes": b"abc", "large": 2**60, "nothing": None}

@tool
def fail():
    raise ValueError("as asked")

@tool
def nap(begun: str):
    Path(begun).touch()
    time.sleep(60)
`

test('call prints the result as one line of JSON, and what the tool prints on stderr', async () => {
  const home = place()
  const { code, stdout, stderr } = await home.run(['call', home.file('tools.py', TOOLS), 'add', '{"a": 2}'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'adding\n' })
  expect(stdout).toBe('{"sum":3,"bytes":"YWJj","large":"1152921504606846976","nothing":null}\n')
})

test('A6: an empty option counts as not given', async () => {
  const home = place()
  const args = ['call', home.file('tools.py', TOOLS), 'add', '{"a": 2}', '--python=', '--timeout=']
  expect(await home.run(args)).toMatchObject({ code: 0, stdout: expect.stringContaining('"sum":3') })
})

test("an exception of the tool is shown with Python's traceback and without a stack of Node", async () => {
  const home = place()
  const { code, stdout, stderr } = await home.run(['call', home.file('tools.py', TOOLS), 'fail'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/tools\.py", line \d+, in fail/)
  expect(stderr).toMatch(/PYTHON_ERROR: .*as asked/)
  expect(stderr).not.toMatch(/^ {4}at /m)
})

test('a tool file with a mistake is a configuration error with the name of the missing module', async () => {
  const home = place()
  const { code, stderr } = await home.run(['call', home.file('tools.py', 'import nowhere_to_be_found\n'), 'add'])
  expect(code).toBe(78)
  expect(stderr).toMatch(/CONFIGURATION: .*nowhere_to_be_found/)
  expect(stderr).toMatch(/hint: .*pip install/)
})

test('a call that takes longer than --timeout ends with DEADLINE_EXCEEDED', async () => {
  const home = place()
  const args = JSON.stringify({ begun: join(home.directory, 'begun') })
  const { code, stderr } = await home.run(['call', home.file('tools.py', TOOLS), 'nap', args, '--timeout', '1000'])
  expect(code).toBe(124)
  expect(stderr).toContain('DEADLINE_EXCEEDED')
})

test.each<[NodeJS.Signals, number]>([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])('%s during a call ends the worker, and the exit code names the signal', async (signal, code) => {
  const home = place()
  const begun = join(home.directory, 'begun')
  const running = home.run(['call', home.file('tools.py', TOOLS), 'nap', JSON.stringify({ begun })])
  await eventually('the call has begun', () => existsSync(begun))
  expect(home.workers()).toHaveLength(1)
  running.child.kill(signal)
  expect(await running).toMatchObject({ code, stderr: '' })
})

test.each([
  ['no tool', ['call', 'tools.py']],
  ['too much', ['call', 'tools.py', 'add', '{}', 'more']],
  ['no JSON', ['call', 'tools.py', 'add', '{a: 1}']],
  ['no object', ['call', 'tools.py', 'add', '[1]']],
  ['a timeout that is no number', ['call', 'tools.py', 'add', '--timeout', 'soon']],
  ['an unknown option', ['call', 'tools.py', 'add', '--frob']],
])('%s is wrong usage, and nothing is started', async (_, args) => {
  const home = place()
  const { code, stdout, stderr } = await home.run(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).not.toMatch(/^ {4}at /m)
  expect(existsSync(join(home.directory, 'state'))).toBe(false)
})

test('the arguments can come from a file and from stdin', async () => {
  const home = place()
  const tools = home.file('tools.py', TOOLS)
  const file = home.file('args.json', '{"a": 2}')
  const given = await home.run(['call', tools, 'add', '{"a": 2}'])
  expect(given.code).toBe(0)
  expect((await home.run(['call', tools, 'add', `@${file}`])).stdout).toBe(given.stdout)
  const reading = home.run(['call', tools, 'add', '-'], {}, '{"a": 2}\n')
  expect((await reading).stdout).toBe(given.stdout)
  expect(await home.run(['call', tools, 'add', '@/no/such/file'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('The arguments cannot be read: '),
  })
})

test('--json prints one object, also for an error', async () => {
  const home = place()
  const tools = home.file('tools.py', TOOLS)
  const plain = (await home.run(['call', tools, 'add', '{"a": 2}'])).stdout
  const ran = await home.run(['call', '--json', tools, 'add', '{"a": 2}'])
  expect(JSON.parse(ran.stdout)).toEqual({ value: JSON.parse(plain) as unknown })
  const failed = await home.run(['call', '--json', tools, 'ad'])
  expect(failed).toMatchObject({ code: 4, stdout: '' })
  expect(JSON.parse(failed.stderr.trimEnd().split('\n').at(-1) ?? '')).toEqual({
    error: { code: 'TOOL_NOT_FOUND', message: "no tool is named 'ad': did you mean add?" },
  })
})

test('list prints the tools with their signatures', async () => {
  const home = place()
  const tools = home.file(
    'signed.py',
    `
from terrarium import tool

@tool
def count(text: str, *, most: int = 3) -> dict[str, int]:
    """Counts words."""

@tool
async def wait(seconds: float): ...

@tool
def lines(path: str):
    yield path
`,
  )
  expect(await home.run(['list', tools])).toMatchObject({
    code: 0,
    stdout:
      'count(text: str, *, most: int = 3) -> dict[str, int]  # Counts words.\nasync wait(seconds: float)\nstream lines(path: str)\n',
    stderr: '',
  })
  expect(JSON.parse((await home.run(['list', tools, '--json'])).stdout)).toEqual({
    tools: [
      {
        name: 'count',
        signature: '(text: str, *, most: int = 3) -> dict[str, int]',
        async: false,
        stream: false,
        summary: 'Counts words.',
      },
      { name: 'wait', signature: '(seconds: float)', async: true, stream: false, summary: '' },
      { name: 'lines', signature: '(path: str)', async: false, stream: true, summary: '' },
    ],
  })
})

test('list and the tools of a pool have the same signatures', async () => {
  const home = place()
  const tools = home.file(
    'described.py',
    `
from terrarium import tool

class Shelf: ...
OPEN = Shelf()

@tool
def take(shelf: Shelf = OPEN, *, quick: "bool" = True, **names: str) -> "list[Shelf]": ...

@tool
def long(text: str = "${'x'.repeat(80)}"): ...
`,
  )
  const listed = JSON.parse((await home.run(['list', tools, '--json'])).stdout) as {
    tools: readonly { name: string; signature: string }[]
  }
  const pool = createPool({ ...home.common, name: 'described', tools })
  await pool.start()
  expect(pool.stats.ready).toBe(1)
  expect(listed.tools.map(({ name, signature }) => [name, signature])).toEqual(
    pool.tools.map(({ name, signature }) => [name, signature]),
  )
  expect(pool.tools.find(({ name }) => name === 'take')?.signature).toContain('= ...')
  expect((await pool.stop()).processesLeft).toBe(0)
})
