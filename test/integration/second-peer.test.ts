import { chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import type { Transport } from '../support/transport.ts'
import { eventually, habitat, isAlive, testPython, TOOLS } from '../support/terrarium.ts'

// Workers that were written from docs/protocol.md, and from session.proto, and from nothing else, serve a pool.

const at = (name: string): string => fileURLToPath(new URL(`../support/second-peer/${name}`, import.meta.url))

interface Peer {
  readonly transport: Transport
  /** The command of a worker, for a shell. */
  readonly command: string
  readonly error: string
}

const PEERS: readonly (readonly [string, Peer])[] = [
  // -I and -S: the standard library, and nothing that is installed.
  ['in Python over the socket lane', { transport: 'socket', command: `'${testPython()}' -I -S -B -c 'import sys; sys.path.insert(0, sys.argv[1]); import worker; worker.main()' '${at('')}'`, error: 'LookupError' }], // prettier-ignore
  ['in Node over gRPC', { transport: 'grpc', command: `'${process.execPath}' '${at('grpc-worker.mjs')}'`, error: 'RangeError' }], // prettier-ignore
]

/** A pool whose workers are the peer. Its shepherd is a Python as always. */
function poolOf({ transport, command }: Peer, options: Partial<PoolOptions> = {}): Pool {
  const home = habitat()
  const script = [
    '#!/bin/sh',
    'case "$*" in',
    `*_boot.py*) exec ${command} ;;`,
    '"-I -S -c "*) echo "$0"; echo 3.12.0 ;;',
    `*) exec '${testPython()}' "$@" ;;`,
    'esac',
  ]
  const python = home.file('python', `${script.join('\n')}\n`)
  chmodSync(python, 0o755)
  return createPool({ ...home.common, name: 'peer', python, tools: TOOLS, transport, ...options })
}

describe.each(PEERS)('a worker %s', (_, peer) => {
  test('answers calls with what values they had', async () => {
    const pool = poolOf(peer, { concurrency: 8 })
    await pool.start()
    const values = [null, true, 7, -(2 ** 40), 1.5, 'hé', Buffer.from('bytes'), [1, [2]], { a: { b: 1 } }]
    expect(await Promise.all(values.map((value) => pool.call('echo', { value })))).toEqual(values)
    expect(pool.stats).toMatchObject({ completed: values.length, failed: 0, starts: 1, crashes: 0 })
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
  })

  test('sends and is sent long bytes, arrays, texts and lists', async () => {
    const pool = poolOf(peer, { concurrency: 8 })
    await pool.start()
    const bytes = Buffer.alloc(5_000_000, 'abc')
    const numbers = Float64Array.from({ length: 300_000 }, (_each, index) => index / 7)
    const list = Array.from({ length: 500_000 }, (_each, index) => `n${index}`)
    const value = { bytes, nested: [{ numbers }], list, short: Buffer.from('x') }
    const small = pool.call('echo', { value: 1 })
    const echoed = await pool.call<typeof value>('echo', { value })
    expect(await small).toBe(1)
    expect(bytes.equals(echoed.bytes)).toBe(true)
    expect(echoed.nested[0]?.numbers.join() === numbers.join()).toBe(true)
    expect(echoed.list.join() === list.join()).toBe(true)
    const zeros = await pool.call<Buffer>('bytes', { count: 3_000_001 })
    expect(zeros.equals(Buffer.alloc(3_000_001))).toBe(true)
    expect((await pool.call('text', { count: 1_500_000 })) === 'é'.repeat(1_500_000)).toBe(true)
    await pool.stop()
  })

  test('tells of an exception, and of a tool that it does not have', async () => {
    const pool = poolOf(peer)
    await pool.start()
    await expect(pool.call('fail', { message: 'not there' })).rejects.toMatchObject({
      code: 'PYTHON_ERROR',
      message: `${peer.error}: not there`,
      details: { type: peer.error, message: 'not there' },
    })
    await expect(pool.call('nothing')).rejects.toMatchObject({ code: 'TOOL_NOT_FOUND' })
    await pool.stop()
  })

  test('cancels an async call, and lives on', async () => {
    const pool = poolOf(peer, { concurrency: 2, cancelGrace: 10_000 })
    await pool.start()
    const pid = pool.workers[0]?.pid
    await expect(pool.call('wait', { seconds: 60 }, { timeout: 200 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    })
    await eventually('the worker has given it up', () => pool.stats.inFlight === 0)
    expect(await pool.call('wait', { seconds: 0 })).toBe('waited')
    expect(pool.workers[0]?.pid).toBe(pid)
    expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
    await pool.stop()
  })

  test('answers pings while it is idle', async () => {
    const pool = poolOf(peer, { heartbeat: { interval: 50, misses: 2 } })
    await pool.start()
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(pool.stats).toMatchObject({ ready: 1, starts: 1, crashes: 0 })
    await pool.stop()
  })

  test('that is killed takes its call with it, and another worker follows', async () => {
    const pool = poolOf(peer)
    await pool.start()
    let code: string | undefined
    pool.call('wait', { seconds: 60 }).catch((error: unknown) => (code = (error as { code: string }).code))
    let pid = 0
    // A call that has not begun moves to the next worker, which is killed too.
    await eventually('a worker has taken the call with it', () => {
      if (code === undefined) pid = pool.kill()?.pid ?? pid
      return code !== undefined
    })
    expect(code).toBe('WORKER_CRASHED')
    await eventually('another one is ready', () => pool.stats.ready === 1)
    expect(isAlive(pid)).toBe(false)
    expect(await pool.call('echo', { value: 1 })).toBe(1)
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
  })
})

describe('a worker in Python over the socket lane', () => {
  const [, peer] = PEERS[0] as (typeof PEERS)[number]

  test('gives back what it has not begun, and goes on with what it has', async () => {
    const pool = poolOf(peer, { concurrency: 2, cancelGrace: 10_000 })
    await pool.start()
    const blocked = pool.call('block', { seconds: 0.5 })
    const cancellation = new AbortController()
    const waiting = pool.call('echo', { value: 1 }, { signal: cancellation.signal })
    await eventually('both are with the worker', () => pool.stats.inFlight === 2)
    cancellation.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' })
    await eventually('the worker has given it back', () => pool.stats.inFlight === 1)
    expect(await blocked).toBe('blocked')
    expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
    await pool.stop()
  })
})
