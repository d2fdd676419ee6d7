import { expect, test } from '@jest/globals'
import { createPool, type PoolOptions } from '@terrarium/pool'

test('every mistake is named at once, and nothing is started', () => {
  const options = { name: 'a b', python: '', size: 0, concurrency: 1.5, startTimeout: -1 } as PoolOptions
  expect(() => createPool(options)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/`name`.*`python`.*`size`.*`concurrency`.*`startTimeout`/),
    }),
  )
})

test('a URL that is not a file is refused', () => {
  expect(() => createPool({ name: 'a', python: new URL('http://localhost/tools.py') })).toThrow('`python`')
})

test('a call before start() is refused and says so', async () => {
  const pool = createPool({ name: 'a', python: 'tools.py' })
  await expect(pool.call('echo')).rejects.toMatchObject({ code: 'STOPPED', hint: 'call start() first' })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  await expect(pool.call('echo')).rejects.toMatchObject({ code: 'STOPPED' })
  await expect(pool.start()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})
