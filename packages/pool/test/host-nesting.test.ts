import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat } from '../../../test/support/terrarium.ts'
import { TRANSPORTS } from '../../../test/support/transport.ts'

// Functions of the host that call the pool whose tool calls them, with real workers.

const TOOLS = fileURLToPath(new URL('host-tools.py', import.meta.url))

describe.each(TRANSPORTS)('over %s', (transport) => {
  async function stand(
    options: Partial<PoolOptions>,
  ): Promise<{ pool: Pool; clock: VirtualClock; path: (name: string) => string }> {
    const home = habitat()
    const clock = new VirtualClock()
    const pool = createPool({ ...home.common, name: 'p', tools: TOOLS, clock, transport, ...options })
    pool.expose('nest', ({ name, named }: { name: string; named: Record<string, unknown> }) => pool.call(name, named))
    await pool.start()
    expect(pool.stats.ready).toBe(options.size ?? 1)
    return { pool, clock, path: (name) => join(home.directory, name) }
  }
  /** The arguments of `depth` calls that nest, the last of `leaf`. */
  const deep = (depth: number, tool = 'nest'): Record<string, unknown> =>
    depth === 1 ? { name: 'leaf' } : { name: tool, named: deep(depth - 1, tool) }

  test('size 1: refused at once, with the cycle named, and the error is the cause', async () => {
    const { pool } = await stand({})
    await expect(pool.call('nest', deep(1))).rejects.toMatchObject({
      code: 'PYTHON_ERROR',
      details: { type: 'terrarium.HostError', attributes: { code: 'DEADLOCK' } },
      cause: {
        code: 'DEADLOCK',
        hint: expect.stringMatching(/Raise `size`/),
        details: { cycle: ['nest', 'host nest', 'leaf'] },
      },
    })
    expect(await pool.call('leaf')).toBe('leaf')
    await pool.stop()
  })

  test('size 2: depth 2 is answered, depth 3 is refused', async () => {
    const { pool } = await stand({ size: 2 })
    expect(await pool.call('nest', deep(1))).toBe('leaf')
    await expect(pool.call('nest', deep(2))).rejects.toMatchObject({
      cause: { cause: { code: 'DEADLOCK', details: { cycle: ['nest', 'host nest', 'nest', 'host nest', 'leaf'] } } },
    })
    expect(pool.stats).toMatchObject({ inFlight: 0, queued: 0, crashes: 0 })
    await pool.stop()
  })

  test('size 2: of two calls that both nest one is refused, and the other is answered', async () => {
    const { pool } = await stand({ size: 2 })
    const both = { ready: 0, go: (): void => undefined }
    const gate = new Promise<void>((resolve) => (both.go = resolve))
    pool.expose('together', async () => {
      both.ready += 1
      if (both.ready === 2) both.go()
      await gate
      return pool.call('leaf')
    })
    const settled = await Promise.allSettled([1, 2].map(() => pool.call('call', { name: 'together' })))
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const reasons = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    expect(reasons).toEqual([expect.objectContaining({ cause: expect.objectContaining({ code: 'DEADLOCK' }) })])
    await pool.stop()
  })

  test('size 1: a call that waits for others of its batch does not hide that the main thread waits', async () => {
    const { pool } = await stand({ concurrency: 3 })
    pool.expose('double', ({ n }: { n: number[] }) => n.map((each) => 2 * each))
    const early = pool.call('batched', { n: 1 })
    await expect(pool.call('nest', deep(1))).rejects.toMatchObject({ cause: { code: 'DEADLOCK' } })
    expect(await early).toBe(2)
    await pool.stop()
  })

  test('size 1: calls of a batch that calls the pool keep their places: refused with 2, answered with 3', async () => {
    for (const [concurrency, end] of [
      [2, { code: 'PYTHON_ERROR', details: { attributes: { code: 'DEADLOCK' } } }],
      [3, 'aleaf'],
    ] as const) {
      const { pool, clock } = await stand({ concurrency })
      const settled = Promise.allSettled([1, 2].map(() => pool.call('batch_nest', { name: 'aleaf' })))
      if (concurrency === 2) {
        await eventually('the nested call waits', () => pool.stats.queued === 1)
        await clock.advance(20)
      }
      const ends = (await settled).map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as unknown)))
      for (const each of ends) expect({ end: each }).toMatchObject({ end })
      expect(ends.length).toBe(2)
      await pool.stop()
    }
  })

  test('size 1: an async tool with `concurrency` 4 is answered by its own worker', async () => {
    const { pool } = await stand({ concurrency: 4 })
    expect(await pool.call('anest', { name: 'leaf' })).toBe('leaf')
    expect(await pool.call('anest', deep(3, 'anest'))).toBe('leaf')
    await expect(pool.call('anest', { name: 'nest', named: deep(1) })).rejects.toMatchObject({
      cause: { cause: { code: 'DEADLOCK' } }, // a sync tool never waits behind a main thread that waits
    })
    await pool.stop()
  })

  test('a nested call waits for a worker that is busy', async () => {
    const { pool, path } = await stand({ size: 2 })
    const busy = pool.call('hold', { begun: path('begun'), gate: path('gate') })
    await eventually('it runs', () => existsSync(path('begun')))
    const nested = pool.call('nest', deep(1))
    await eventually('the nested call waits', () => pool.stats.queued === 1)
    writeFileSync(path('gate'), '')
    expect([await busy, await nested]).toEqual(['held', 'leaf'])
    await pool.stop()
  })

  test('deadlines and cancels reach the nested call: it has no more time than the call around it', async () => {
    const { pool, clock, path } = await stand({ size: 2, cancelGrace: 60_000 })
    const hold = { name: 'hold', named: { begun: path('begun'), gate: path('gate') } }
    const late = pool.call('nest', hold, { timeout: 1_000 }).catch((error: unknown) => error)
    await eventually('the nested call runs', () => existsSync(path('begun')))
    await clock.advance(1_000)
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(pool.stats).toMatchObject({ failed: 2 }) // the nested call, too
    writeFileSync(path('gate'), '')
    await eventually('both have ended', () => pool.stats.inFlight === 0)
    await pool.stop()
  })

  test('two pools: the nested call of the other pool is answered, and a call that comes back is refused', async () => {
    const { pool } = await stand({})
    const other = createPool({ ...habitat().common, name: 'q', tools: TOOLS, transport })
    other.expose('back', () => pool.call('leaf'))
    pool.expose('over', () => other.call('call', { name: 'back' }))
    pool.expose('there', () => other.call('leaf'))
    await other.start()
    expect(other.stats.ready).toBe(1)
    expect(await pool.call('call', { name: 'there' })).toBe('leaf')
    await expect(pool.call('call', { name: 'over' })).rejects.toMatchObject({
      cause: { cause: { code: 'DEADLOCK', details: { cycle: ['call', 'host over', 'call', 'host back', 'leaf'] } } },
    })
    await other.stop()
    await pool.stop()
  })

  test('what a function does after it has answered is no part of the call', async () => {
    const { pool } = await stand({})
    let later: Promise<unknown> = Promise.resolve()
    let go: () => void = () => undefined
    const answered = new Promise<void>((resolve) => (go = resolve))
    pool.expose('later', () => {
      later = answered.then(() => pool.call('leaf'))
      return 'now'
    })
    expect(await pool.call('call', { name: 'later' })).toBe('now')
    go()
    expect(await later).toBe('leaf')
    await pool.stop()
  })

  test('a nested stream: its items reach the function, and it is refused as calls are', async () => {
    const { pool } = await stand({ size: 2 })
    pool.expose('n', ({ n }: { n: number }) => n)
    pool.expose('sum', async () => {
      let sum = 0
      for await (const n of pool.stream<number>('acounted', { name: 'n', n: 4 })) sum += n
      return sum
    })
    expect(await pool.call('call', { name: 'sum' })).toBe(6)
    expect(pool.stats).toMatchObject({ inFlight: 0, failed: 0 })
    await pool.stop()
  })
})
