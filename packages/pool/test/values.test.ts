import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { habitat, testPython } from '../../../test/support/terrarium.ts'
import { refuse, rows, walk, without } from '../../../test/support/value-calls.ts'
import { refusedRows, withoutPackage } from '../../../test/support/values.ts'
import { testUnless } from '../../../test/support/when.ts'
import { started } from './started.ts'

const of = <R extends { readonly needs?: string }>(rows: readonly R[], name: string): R[] =>
  rows.filter(({ needs }) => needs === name)

test.each(['socket', 'grpc'] as const)(
  '84, %s: the table holds through a real worker, both ways',
  async (transport) => {
    const pool = await started(habitat(), { transport })
    await walk(pool, without(rows))
    await refuse(pool, without(refusedRows))
    expect(await pool.call('imported')).toEqual([])
    expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
    await pool.stop()
  },
)

test('the table holds on an interpreter that has no package at all', async () => {
  const home = habitat()
  const venv = join(home.directory, 'venv')
  execFileSync(testPython(), ['-m', 'venv', '--without-pip', venv])
  const pool = await started(home, { python: venv, transport: 'socket', env: { PYTHONPATH: '' } })
  await walk(pool, without(rows))
  await refuse(pool, without(refusedRows))
  expect(await pool.call('packages')).toEqual([])
  await pool.stop()
})

for (const name of ['numpy', 'pandas', 'pydantic', 'attrs']) {
  testUnless(withoutPackage(testPython(), name))(
    `the table holds through a real worker for values of ${name}`,
    async () => {
      const pool = await started(habitat())
      await walk(pool, of(rows, name))
      await refuse(pool, of(refusedRows, name))
      expect(await pool.call('imported')).toContain(name)
      await pool.stop()
    },
  )
}

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
