// What may happen to sessions and to progress. See `stage.ts`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { ToolSession } from '@terrarium/pool'
import { eventually } from '../../../../test/support/waiting.ts'
import { isBack, outcomeOf, started, type Scenario, type Stage } from './stage.ts'

const put = (session: ToolSession, value: unknown, ttl?: number): Promise<unknown> =>
  outcomeOf(session.call('put', { key: 'k', value, ...(ttl === undefined ? {} : { ttl }) }))

const get = (session: ToolSession): Promise<unknown> => outcomeOf(session.call('got', { key: 'k' }))

/** A call that keeps the worker of the session until it is let go. */
async function heldIn(session: ToolSession, { path }: Stage): Promise<() => Promise<unknown>> {
  const [begun, gate] = [path('begun'), path('gate')]
  const ends = outcomeOf(session.call('hold', { begun, gate }))
  await eventually('it runs', () => existsSync(begun))
  return () => {
    writeFileSync(gate, '')
    return ends
  }
}

export const SESSION_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'sessions: each has a state of its own, and a call of none has none': {
    run: async (stage) => {
      const { pool } = await started(stage)
      const [a, b] = [pool.session('a'), pool.session('b', { affinity: 'strict_queue' })]
      const results = [await put(a, 1), await put(b, [2]), await get(a), await get(b), pool.stats.sessions]
      await a.close()
      return [...results, await get(pool.session('a')), await get(b), await outcomeOf(pool.call('whose')), await get(a)]
    },
  },
  'sessions: a value whose time is over': {
    run: async (stage) => {
      const { pool } = await started(stage)
      const session = pool.session('a')
      return [await put(session, 1, 0), await get(session), await put(session, 2, 60_000), await get(session)]
    },
  },
  'sessions: functions for the end, the last one first': {
    run: async (stage) => {
      const { pool } = await started(stage)
      const path = stage.path('ended')
      const [a, b] = [pool.session('a'), pool.session('b')]
      for (const text of ['one', 'two', 'three']) await a.call('at_end', { path, text })
      await b.call('at_end', { path, text: 'at the end of the pool' })
      await a.close()
      await eventually('they have run', () => existsSync(path) && readFileSync(path, 'utf8').endsWith('one\n'))
      await pool.stop()
      return readFileSync(path, 'utf8')
    },
  },
  'sessions: strict_queue waits for its worker, whatever other worker is free': {
    options: { size: 2 },
    run: async (stage) => {
      const { pool } = await started(stage)
      const session = pool.session('a', { affinity: 'strict_queue' })
      await put(session, 1)
      const release = await heldIn(session, stage)
      const waits = get(session)
      const other = await outcomeOf(pool.call('echo', { value: 'other' }))
      const { queued, inFlight } = pool.stats
      return [other, queued, inFlight, await release(), await waits]
    },
  },
  'sessions: strict_fail_fast is refused while its worker is busy': {
    options: { size: 2 },
    run: async (stage) => {
      const session = (await started(stage)).pool.session('a', { affinity: 'strict_fail_fast' })
      await put(session, 1)
      const release = await heldIn(session, stage)
      return [await get(session), await release(), await get(session)]
    },
  },
  'sessions: hint goes on at another worker': {
    options: { size: 2 },
    run: async (stage) => {
      const session = (await started(stage)).pool.session('a', { affinity: 'hint' })
      await put(session, 1)
      const release = await heldIn(session, stage)
      return [await get(session), await release(), await get(session)]
    },
  },
  'sessions: a strict one is lost with its worker, and begins anew after restart()': {
    run: async (stage) => {
      const { pool } = await started(stage)
      const lost: unknown[] = []
      pool.on('session.lost', (told) => lost.push(told))
      const session = pool.session('a', { affinity: 'strict_queue' })
      await put(session, 1)
      const died = (await outcomeOf(session.call('die'))) as { code?: string }
      await isBack(stage)
      const refused = [await get(session), await get(pool.session('a'))]
      session.restart()
      return [died.code, refused, await get(session), lost]
    },
  },
  'sessions: no more than the limit, and an expired session makes room': {
    options: { sessionLimit: 1 },
    run: async (stage) => {
      const { pool, clock } = await started(stage)
      const [a, b] = [pool.session('a', { ttl: 1_000, affinity: 'strict_queue' }), pool.session('b')]
      const results = [await put(a, 1), await put(b, 2)]
      await clock.advance(1_000)
      return [...results, pool.stats.sessions, await put(b, 3), await get(a)]
    },
  },
  'sessions: nested calls of the session whose tool waits': {
    options: { size: 2 },
    run: async (stage) => {
      const { pool } = stage
      pool.expose('queue', () => pool.session('a', { affinity: 'strict_queue' }).call('got', { key: 'k' }))
      pool.expose('fast', () => pool.session('b', { affinity: 'strict_fail_fast' }).call('got', { key: 'k' }))
      pool.expose('hint', () => pool.session('c', { affinity: 'hint' }).call('got', { key: 'k' }))
      await started(stage)
      const results: unknown[] = []
      for (const [id, affinity, name] of [
        ['a', 'strict_queue', 'queue'],
        ['b', 'strict_fail_fast', 'fast'],
        ['c', 'hint', 'hint'],
      ] as const) {
        const session = pool.session(id, { affinity })
        await put(session, id)
        const asked = (await outcomeOf(session.call('ask', { name }))) as { value: unknown[] }
        results.push(Array.isArray(asked.value) ? asked.value[0] : asked, await outcomeOf(pool.call('ask', { name })))
      }
      return results
    },
  },
  'progress: the last before the answer': {
    run: async (stage) => {
      const { pool } = await started(stage)
      const told: unknown[] = []
      const value = await outcomeOf(pool.call('steps', { count: 3 }, { onProgress: (each) => told.push(each) }))
      return [value, told.at(-1), await outcomeOf(pool.call('steps', { count: 3 }))]
    },
  },
}
