import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from '@jest/globals'
import { createPool, type PoolOptions } from '@terrarium/pool'
import { habitat, testPython, TOOLS } from '../../../test/support/terrarium.ts'

test('an error names every mistake at once, and nothing is started', () => {
  const options = { name: 'a b', tools: '', size: 0, concurrency: 1.5, startTimeout: -1 } as PoolOptions
  expect(() => createPool(options)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/name must.*tools must.*size must.*concurrency must.*startTimeout must/),
    }),
  )
})

test.each([
  ['a URL that is not a file', new URL('http://localhost/tools.py')],
  ['nothing', []],
  ['nothing among others', ['tools.py', '']],
  ['a number', 4],
])('%s as the place of the tools is refused', (_, tools) => {
  expect(() => createPool({ name: 'a', tools: tools as never })).toThrow(/ tools(\[1\])? must be /)
})

test('A7: tools are taken from files, modules of packages, and several of them', async () => {
  const home = habitat()
  for (const folder of ['pkg', 'pkg/sub']) {
    mkdirSync(join(home.directory, folder))
    home.file(`${folder}/__init__.py`, '')
  }
  home.file('pkg/sub/helper.py', 'X = 40\n')
  const tool = (name: string, body: string) => `from terrarium import tool\n@tool\ndef ${name}(): return ${body}\n`
  const inPackage = home.file('pkg/sub/inside.py', `from .helper import X\n${tool('inside', 'X + 2')}`)
  home.file('pkg/named.py', `from .sub.helper import X\n${tool('named', 'X + 3')}`)
  const alone = home.file('alone.py', tool('alone', '1'))
  const pool = createPool({
    ...home.common,
    name: 'a',
    tools: [inPackage, 'pkg.named', pathToFileURL(alone)],
    cwd: home.directory,
  })
  await pool.start()
  expect(pool.stats.ready).toBe(1)
  expect([await pool.call('inside'), await pool.call('named'), await pool.call('alone')]).toEqual([42, 43, 1])
  await pool.stop()
})

test('A6: empty options are taken for unset', async () => {
  const home = habitat()
  const empty = { cwd: '', stateDir: '', containment: '' as never }
  const before = process.env.TERRARIUM_STATE_DIR
  process.env.TERRARIUM_STATE_DIR = home.stateDir
  try {
    const pool = createPool({ ...home.common, name: 'a', tools: TOOLS, ...empty })
    await pool.start()
    expect(pool.stats.ready).toBe(1)
    await pool.stop()
  } finally {
    if (before === undefined) delete process.env.TERRARIUM_STATE_DIR
    else process.env.TERRARIUM_STATE_DIR = before
  }
})

test('A6: an empty interpreter is taken for unset', async () => {
  const home = habitat()
  const before = process.env.TERRARIUM_PYTHON
  process.env.TERRARIUM_PYTHON = testPython()
  const pool = createPool({ ...home.common, name: 'a', tools: TOOLS, python: '' })
  await pool.start()
  expect(home.log).toContainEqual(expect.objectContaining({ source: 'TERRARIUM_PYTHON', level: 20 }))
  await pool.stop()
  if (before === undefined) delete process.env.TERRARIUM_PYTHON
})

test('a call before start() is refused and says so', async () => {
  const pool = createPool({ name: 'a', tools: 'tools.py' })
  await expect(pool.call('echo')).rejects.toMatchObject({ code: 'STOPPED', hint: 'Call start() first.' })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  await expect(pool.call('echo')).rejects.toMatchObject({ code: 'STOPPED' })
  await expect(pool.start()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})
