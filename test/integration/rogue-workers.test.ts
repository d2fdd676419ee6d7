import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import type { ExitReason } from '@terrarium/supervisor'
import { createPool, type Pool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, testPython, TOOLS, type Habitat } from '../support/terrarium.ts'
import { within } from '../support/waiting.ts'
import { KINDS } from '../support/rogue/kinds.mjs'
import { TRANSPORTS, type Transport } from '../support/transport.ts'

// Workers that do wrong in every way that was thought of, in one pool: each is ended for one clear reason, or fails its
// one call, and the pool goes on.

const WORKER = fileURLToPath(new URL('../support/rogue/worker.mjs', import.meta.url))
const SIZE = 6

interface Plan {
  readonly starts?: readonly string[]
  readonly calls?: readonly string[]
}

function poolOf(home: Habitat, transport: Transport, plan: Plan, options: Partial<PoolOptions> = {}): Pool {
  const script = [
    '#!/bin/sh',
    'case "$*" in',
    `*_boot.py*) exec '${process.execPath}' '${WORKER}' ;;`,
    '"-I -S -c "*) echo "$0"; echo 3.12.0 ;;',
    `*) exec '${testPython()}' "$@" ;;`,
    'esac',
  ]
  const python = home.file('python', `${script.join('\n')}\n`)
  chmodSync(python, 0o755)
  for (const name of ['starts', 'calls'] as const) {
    writeFileSync(join(home.directory, `${name}.json`), JSON.stringify(plan[name] ?? []))
  }
  return createPool({
    ...home.common,
    python,
    name: 'rogue',
    tools: TOOLS,
    transport,
    output: 'ignore',
    size: SIZE,
    env: { ROGUE_FOLDER: home.directory },
    breaker: 'off',
    backoff: { first: 0, base: 1, factor: 1, jitter: 'none', maxAttempts: 1_000 },
    ...options,
  })
}

interface Taken {
  /** The id of the worker, `worker-1`. */
  readonly worker: string
  readonly pid: number
  readonly kind: string
}

/** The kinds that the workers of a pool take from now on, in order. */
function watchTaken(pool: Pool): Taken[] {
  const taken: Taken[] = []
  pool.on('worker.output', ({ worker, pid, line }) => {
    if (line.startsWith('takes ')) taken.push({ worker, pid, kind: line.slice(6) })
  })
  return taken
}

const textOf = (error: unknown): string => {
  const { code, message } = error as { code?: string; message?: string }
  return `${String(code)}: ${String(message)}`
}

/** How a call ends: with what its worker answered, or with an error and the worker that it was with. */
function outcomeOf(pool: Pool): Promise<{ readonly worker: string | undefined; readonly text: string }> {
  return pool.call('work').then(
    (value) => ({ worker: undefined, text: `answered: ${String(value)}` }),
    (error: unknown) => ({ worker: (error as { details: { worker?: string } }).details.worker, text: textOf(error) }),
  )
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  const { faults, errors, oddities, starts } = KINDS[transport]

  test('there are at least thirty kinds', () => {
    expect([faults, errors, starts].flatMap(Object.keys).length + oddities.length).toBeGreaterThanOrEqual(30)
  })

  test('with a call: each kind is one clear error, or none, and the pool goes on', async () => {
    const home = habitat()
    const calls = [...Object.keys({ ...faults, ...errors }), ...oddities]
    const pool = poolOf(home, transport, { calls })
    pool.expose('never', () => new Promise(() => undefined))
    const taken = watchTaken(pool)
    await pool.start()
    const ends = new Map<string, string>()
    while (ends.size < calls.length) {
      await eventually('all workers are ready', () => pool.stats.ready === SIZE)
      const pids = new Map(pool.workers.map(({ id, pid }) => [id, pid]))
      // One call for each worker.
      const outcomes = await Promise.all(Array.from({ length: SIZE }, () => outcomeOf(pool)))
      const count = Math.min(calls.length, ends.size + SIZE)
      await eventually('each kind of this round was told', () => taken.length === count)
      const failed = new Map(outcomes.map(({ worker, text }) => [pids.get(worker ?? ''), text]))
      for (const { pid, kind } of taken.slice(ends.size)) ends.set(kind, failed.get(pid) ?? 'answered: done')
      const answers = outcomes.filter(({ worker }) => worker === undefined)
      expect(answers.map(({ text }) => text)).toEqual(Array(answers.length).fill('answered: done'))
    }
    for (const [kind, end] of Object.entries(faults)) {
      expect({ kind, end: ends.get(kind) }).toEqual({ kind, end: expect.stringMatching(end) })
      expect(ends.get(kind)).toMatch(/^WORKER_CRASHED: work was with a worker that died: worker rogue\/worker-\d /)
    }
    for (const [kind, end] of Object.entries(errors)) {
      expect({ kind, end: ends.get(kind) }).toEqual({ kind, end: expect.stringMatching(end) })
    }
    for (const kind of oddities) expect({ kind, end: ends.get(kind) }).toEqual({ kind, end: 'answered: done' })
    await eventually('all workers are ready', () => pool.stats.ready === SIZE)
    expect(pool.stats).toMatchObject({ crashes: Object.keys(faults).length, inFlight: 0, queued: 0 })
    expect(await Promise.all(Array.from({ length: SIZE }, () => pool.call('work')))).toEqual(Array(SIZE).fill('done'))
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
  })

  test('before it is ready: each kind is one clear error, and the pool starts with the next workers', async () => {
    const home = habitat()
    home.expectedErrors.push(/^parked: /)
    const kinds = Object.keys(starts)
    const pool = poolOf(home, transport, { starts: kinds }, { startTimeout: 3_000 })
    const taken = watchTaken(pool)
    const ends = new Map<string, string>()
    pool.on('worker.exit', ({ worker, reason }: { worker: string; reason: ExitReason }) => {
      const kind = taken.findLast((each) => each.worker === worker)?.kind
      if (kind === undefined || ends.has(kind) || reason.type !== 'error') return
      ends.set(kind, `${textOf(reason.error)} ${JSON.stringify(reason.error)}`)
    })
    await pool.start()
    // Few workers start at a time, and the silent kinds take their whole time for it.
    const isOver = (): boolean => taken.length === kinds.length && ends.size === kinds.length
    await within(60_000, () => isOver() && pool.stats.ready === SIZE)
    expect(kinds.filter((kind) => !ends.has(kind))).toEqual([])
    const refusals = home.log.map(({ msg }) => msg).filter((msg) => /^a connection to the socket/.test(msg))
    for (const { kind } of taken) {
      const end = [ends.get(kind), ...refusals].join('\n')
      expect({ kind, end }).toEqual({ kind, end: expect.stringMatching(starts[kind] ?? /never/) })
      expect(ends.get(kind)).toMatch(/^START_FAILED: worker rogue\/worker-\d /)
    }
    expect(taken).toHaveLength(kinds.length)
    expect(pool.stats).toMatchObject({ ready: SIZE, crashes: kinds.length })
    expect(await pool.call('work')).toBe('done')
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
  })

  test('a worker that answers twice has its call answered once, and is replaced', async () => {
    const pool = poolOf(habitat(), transport, { calls: ['answers twice'] }, { size: 1 })
    await pool.start()
    expect(await pool.call('work')).toBe('done')
    await eventually('another worker is ready', () => pool.stats.starts === 2 && pool.stats.ready === 1)
    expect(pool.stats).toMatchObject({ accepted: 1, completed: 1, failed: 0, crashes: 1 })
    expect(await pool.call('work')).toBe('done')
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
  })

  const silent = ['never answers', 'answers half', ...(transport === 'grpc' ? ['never acknowledges'] : [])]
  test.each(silent)('a worker that %s loses its call to the deadline, and is replaced', async (kind) => {
    const pool = poolOf(habitat(), transport, { calls: [kind] }, { size: 1, cancelGrace: 50 })
    await pool.start()
    const pid = pool.workers[0]?.pid
    await expect(pool.call('work', {}, { timeout: 300 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    await eventually('another worker is ready', () => pool.stats.ready === 1 && pool.workers[0]?.pid !== pid)
    expect(pool.stats).toMatchObject({ crashes: 1, starts: 2 })
    expect(await pool.call('work')).toBe('done')
    expect(await pool.stop()).toEqual({ processesLeft: 0 })
  })
})
