import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { FAULTS, FAULTS_OF_READY } from '../../../test/support/second-client/faults.mjs'
import { eventually, habitat, isAlive, testPython, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'

// C4, C8: workers that break the protocol. Their client is written from session.proto alone and runs on after its
// session. The session ends, the worker is ended, every call settles with the true reason, and the log has it once.

const WORKER = fileURLToPath(new URL('../../../test/support/second-client/worker.mjs', import.meta.url))

/** A pool whose workers are that client. Its shepherd is the usual one. */
function foreign(home: Habitat, moment: string, fault = '', options: Partial<PoolOptions> = {}): Pool {
  const python = home.file(
    'python',
    [
      '#!/bin/sh',
      'case "$*" in',
      `*_boot.py*) exec '${process.execPath}' '${WORKER}' ;;`,
      '"-I -S -c "*) echo "$0"; echo 3.12.0 ;;',
      `*) exec '${testPython()}' "$@" ;;`,
      'esac',
      '',
    ].join('\n'),
  )
  chmodSync(python, 0o755)
  const env = { FAULT: fault, MOMENT: moment, ...options.env }
  const common = { ...home.common, python, name: 'p', tools: TOOLS, concurrency: 2, transport: 'grpc' } as const
  return createPool({ ...common, ...options, env })
}

/** The number of lines of the log that match, of the levels that are shown by default. */
const told = (home: Habitat, what: RegExp): number =>
  home.log.filter(({ level, msg }) => level >= 40 && what.test(msg)).length

/** Makes two calls that a worker holds when it breaks the protocol. Resolves with its pid and their errors. */
async function twoCalls(pool: Pool): Promise<{ readonly pid: number; readonly errors: readonly unknown[] }> {
  await pool.start()
  const pid = pool.workers[0]?.pid ?? 0
  expect(isAlive(pid)).toBe(true)
  const calls = ['slow', 'quick'].map((tool) => pool.call(tool).catch((error: unknown) => error))
  expect(pool.stats.inFlight).toBe(2)
  return { pid, errors: await Promise.all(calls) }
}

async function end(pool: Pool, pid: number): Promise<void> {
  await eventually('another worker is ready', () => pool.stats.ready === 1)
  expect(isAlive(pid)).toBe(false)
  expect(pool.stats).toMatchObject({ crashes: 1, starts: 2, accepted: 2, inFlight: 0, queued: 0 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
}

describe('C8: with calls in flight', () => {
  test.each(Object.entries(FAULTS))(
    'a worker that sends %s is killed, and the error gives the reason',
    async (name, { fault }) => {
      const home = habitat()
      const pool = foreign(home, 'in flight', name)
      const { pid, errors } = await twoCalls(pool)
      for (const [n, tool] of ['slow', 'quick'].entries()) {
        expect(errors[n]).toMatchObject({
          code: 'WORKER_CRASHED',
          message: expect.stringMatching(
            new RegExp(`^${tool} was with a worker that died: worker p/worker-1 broke the protocol: .*${fault.source}`),
          ),
          details: { worker: 'worker-1', incarnation: 1, pid, fault: expect.stringMatching(fault), tool },
        })
      }
      expect(told(home, fault)).toBe(1)
      await end(pool, pid)
    },
  )
})

/** Without the fault that begins with a Ready, which makes the worker ready. */
const { 'two messages at once': _, ...FAULTS_BEFORE_READY } = FAULTS

/** A fault that the session finds, a fault that gRPC finds in a message, and a fault that gRPC finds in its head. */
const SOME = ['an unknown kind of frame', 'garbage', 'a message over the limit']

test.each(SOME)('C8: an idle worker that sends %s is killed, and the log says why', async (name) => {
  const home = habitat()
  const go = join(home.directory, 'go')
  const pool = foreign(home, 'idle', name, { env: { GO: go } })
  await pool.start()
  const pid = pool.workers[0]?.pid ?? 0
  expect(await pool.call('quick')).toBe(null)
  expect(pool.stats.inFlight).toBe(0)
  writeFileSync(go, '')
  await eventually('it is ended', () => pool.stats.crashes === 1)
  expect(isAlive(pid)).toBe(false)
  const { fault } = FAULTS[name] as (typeof FAULTS)[string]
  expect(told(home, new RegExp(`^worker p/worker-1 broke the protocol: .*${fault.source}`))).toBe(1)
  await eventually('another worker is ready', () => pool.stats.ready === 1)
  expect(pool.stats).toMatchObject({ accepted: 1, completed: 1, failed: 0, starts: 2 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})

test.each(SOME)('C8: a worker that sends %s while stop() waits for its calls', async (name) => {
  const home = habitat()
  const go = join(home.directory, 'go')
  const pool = foreign(home, 'in flight', name, { env: { GO: go }, drainTimeout: 60_000 })
  await pool.start()
  const { fault } = FAULTS[name] as (typeof FAULTS)[string]
  const refused = [false, true].map((idempotent) =>
    expect(pool.call('slow', {}, { idempotent })).rejects.toMatchObject({
      code: 'WORKER_CRASHED',
      message: expect.stringMatching(fault),
    }),
  )
  const stopped = pool.stop()
  writeFileSync(go, '')
  await Promise.all(refused)
  expect(await stopped).toEqual({ processesLeft: 0 })
  expect(told(home, fault)).toBe(1)
  expect(pool.stats).toMatchObject({ accepted: 2, failed: 2, retried: 0, crashes: 1 })
})

describe('C4: before it is ready', () => {
  test.each(Object.entries({ ...FAULTS_BEFORE_READY, ...FAULTS_OF_READY }))(
    'a worker that sends %s is ended, and start() rejects with the reason',
    async (name, { fault }) => {
      const home = habitat()
      home.expectedErrors.push(/^parked: worker p\/worker-1 broke the protocol: /)
      const pool = foreign(home, 'before Ready', name, { backoff: { first: 0, base: 1, maxAttempts: 1 } })
      await expect(pool.start()).rejects.toMatchObject({
        code: 'START_FAILED',
        message: expect.stringMatching(new RegExp(`^worker p/worker-1 broke the protocol: .*${fault.source}`)),
      })
      expect(pool.stats).toMatchObject({ starts: 2, crashes: 2, ready: 0 })
      expect(home.workers()).toEqual([])
      expect(await pool.stop()).toEqual({ processesLeft: 0 })
    },
  )
})

test('C4: Hello, Ready and an unknown frame in the first message: the worker is ended, and never ready', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: worker p\/worker-1 broke the protocol: /)
  const pool = foreign(home, 'in the first message', '', { backoff: { first: 0, base: 1, maxAttempts: 1 } })
  let wasReady = false
  pool.on('worker.ready', () => (wasReady = true))
  await expect(pool.start()).rejects.toMatchObject({
    code: 'START_FAILED',
    details: { fault: 'a frame of a kind that this version does not know', signal: 'SIGKILL' },
  })
  expect(wasReady).toBe(false)
  expect(home.workers()).toEqual([])
  await pool.stop()
})

test('a boot report that is no JSON is ignored, and the worker becomes ready', async () => {
  const home = habitat()
  const junk =
    'import os\nos.write(4, b"\\xff\\xfe\\0 junk\\n7\\n{\\"phase\\": {}}\\n[\\n" + b"[" * 100_000 + b"\\n")\n'
  const tools = home.file('tools.py', `${junk}from terrarium import tool\n@tool\ndef one(): return 1\n`)
  const pool = createPool({ ...home.common, name: 'p', tools })
  await pool.start()
  expect(await pool.call('one')).toBe(1)
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
  await pool.stop()
})

test('a boot report without an end is reported, and its worker is killed', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: worker p\/worker-1 broke its boot report: /)
  const tools = home.file('tools.py', 'import os\nwhile True: os.write(4, b"x" * 65_536)\n')
  const pool = createPool({ ...home.common, name: 'p', tools, backoff: { first: 0, base: 1, maxAttempts: 1 } })
  await expect(pool.start()).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'worker p/worker-1 broke its boot report: it has more than 33554432 characters',
  })
  expect(home.workers()).toEqual([])
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})

test('a worker that never sends Hello is killed at its start deadline', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: worker p\/worker-1 was not ready within 500 ms/)
  const pool = foreign(home, 'no Hello', '', { startTimeout: 500, backoff: { first: 0, base: 1, maxAttempts: 1 } })
  await expect(pool.start()).rejects.toMatchObject({
    code: 'START_FAILED',
    message: expect.stringMatching(/not ready/),
  })
  expect(home.workers()).toEqual([])
  await pool.stop()
})

test('C3: an unknown failure code is passed on, and the worker goes on', async () => {
  const pool = foreign(habitat(), 'a failure from the future')
  await pool.start()
  const pid = pool.workers[0]?.pid ?? 0
  for (let n = 0; n < 3; n += 1) {
    await expect(pool.call('quick')).rejects.toMatchObject({
      code: 'PYTHON_ERROR',
      message: 'of 2031 (failure code 99, which this host does not know)',
      details: { type: 'Odd', failureCode: 99, worker: 'worker-1' },
    })
  }
  expect(pool.workers[0]?.pid).toBe(pid)
  expect(pool.stats).toMatchObject({ crashes: 0, starts: 1, accepted: 3, failed: 3 })
  await pool.stop()
})

test('C5: a worker that gives calls back and does not end gets no new call, and is killed', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const pool = foreign(home, 'refuses all calls', '', { clock })
  await pool.start()
  const pid = pool.workers[0]?.pid ?? 0
  const calls = ['slow', 'quick'].map((tool) => pool.call(tool))
  const settled = Promise.all(calls.map((call) => expect(call).rejects.toMatchObject({ code: 'STOPPED' })))
  await eventually('both are back', () => pool.stats.queued === 2)
  await clock.advance(1_999)
  expect(pool.stats).toMatchObject({ queued: 2, inFlight: 0, ready: 0, crashes: 0 })
  expect(isAlive(pid)).toBe(true)
  await clock.advance(1)
  await eventually('it is ended', () => pool.stats.crashes === 1)
  expect(isAlive(pid)).toBe(false)
  expect(told(home, /^worker p\/worker-1 was killed: it refused calls and did not end$/)).toBe(1)
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  await settled
  expect(clock.pending).toBe(0)
})

test('C8: a call that is answered twice is settled with the first answer; the other call has the reason', async () => {
  const home = habitat()
  const pool = foreign(home, 'answered twice')
  const { pid, errors } = await twoCalls(pool)
  const fault = /an answer to call 1, which is not open/
  expect(errors).toEqual([
    null,
    expect.objectContaining({ code: 'WORKER_CRASHED', message: expect.stringMatching(fault) }),
  ])
  expect(told(home, fault)).toBe(1)
  await end(pool, pid)
})

test('C8: a worker that closes its session and goes on running is killed', async () => {
  const home = habitat()
  const pool = foreign(home, 'hangs up')
  const { pid, errors } = await twoCalls(pool)
  const why = /worker p\/worker-1 closed its session and went on running; it was killed/
  for (const error of errors)
    expect(error).toMatchObject({ code: 'WORKER_CRASHED', message: expect.stringMatching(why) })
  expect(told(home, why)).toBe(1)
  await end(pool, pid)
})

test('C8: after half a message the deadlines of the calls still apply', async () => {
  const home = habitat()
  const pool = foreign(home, 'half a message', '', { cancelGrace: 50 })
  await pool.start()
  const pid = pool.workers[0]?.pid ?? 0
  const calls = ['slow', 'quick'].map((tool) => pool.call(tool, {}, { timeout: 300 }))
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await eventually('it is ended', () => pool.stats.crashes === 1)
  await end(pool, pid)
})
