import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
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
  expect(code).toBe(1)
  expect(stderr).toMatch(/CONFIGURATION: .*nowhere_to_be_found/)
  expect(stderr).toMatch(/hint: .*pip install/)
})

test('a call that takes longer than --timeout ends with DEADLINE_EXCEEDED', async () => {
  const home = place()
  const args = JSON.stringify({ begun: join(home.directory, 'begun') })
  const { code, stderr } = await home.run(['call', home.file('tools.py', TOOLS), 'nap', args, '--timeout', '1000'])
  expect(code).toBe(1)
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
