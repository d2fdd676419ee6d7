// A pool whose resources cannot be closed.
import { expect, test } from '@jest/globals'
import { turns } from '../../../test/support/waiting.ts'
import type { PoolCoreEvent } from '../src/core/event.ts'
import { createState } from '../src/core/state.ts'
import { Lifecycle } from '../src/lifecycle.ts'
import { DEFAULTS } from '../src/options.ts'

const fault = new Error('the disk is gone')
const open = () => Promise.resolve({ setReferenced: () => undefined, close: () => Promise.reject(fault) })

test('a pool that cannot be closed logs why, and ends with the error, whether or not stop() is awaited', async () => {
  const logged: unknown[] = []
  const posted: PoolCoreEvent[] = []
  const logger = { error: (...entry: unknown[]) => logged.push(entry), warn: () => undefined }
  const lifecycle = new Lifecycle({
    state: createState({ pool: 'p', hasHandle: false, ...DEFAULTS }),
    resources: { options: { name: 'p', tools: './tools.py' }, logger, open },
    post: (event: PoolCoreEvent) => posted.push(event),
  } as never)
  lifecycle.open()
  await turns(2)
  lifecycle.close()
  await turns(2)
  expect(posted).toEqual([{ type: 'pool.opened' }, { type: 'pool.closed', left: [] }])
  expect(logged).toEqual([[{ err: fault }, 'the pool cannot be stopped']])
  lifecycle.end({ type: 'shutdown' }, 0)
  expect(lifecycle.outcome).toEqual({ type: 'error', error: fault })
  await expect(lifecycle.ended).rejects.toBe(fault)
})
