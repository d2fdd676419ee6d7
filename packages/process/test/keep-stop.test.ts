import { expect, test } from '@jest/globals'
import type { Runtime } from '@terrarium/process'
import { CONTAINMENTS, testUnless, withoutContainments } from '../../../test/support/when.ts'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { ended, familyOf, freshState, open, startHost } from './support.ts'
import { STAYS, keepShell, next, pidOf } from './kept.ts'

test('stop() ends a grandchild in a session of its own and without a spawn tag', async () => {
  const kept = await keepShell('env -i setsid sleep 60 & setsid sleep 60 & echo up; wait', { ready: /^up$/ })
  const start = next(kept, 'program.start')
  await kept.whenReady()
  const { spawnId } = await start
  await eventually('all three run', () => familyOf(spawnId).length === 3)
  await kept.stop()
  expect(familyOf(spawnId)).toEqual([])
  expect(kept).toMatchObject({ status: 'stopped', pid: undefined })
  await expect(kept.whenReady()).rejects.toMatchObject({ code: 'STOPPED' })
  // The caller has given the runtime, so it stays open.
  const other = await kept.runtime.spawn({ name: 'other', command: 'true', args: [] })
  expect(await other.exited).toMatchObject({ code: 0 })
})

test('a program that ignores SIGTERM is killed after its grace', async () => {
  const kept = await keepShell('trap "" TERM; echo up; while :; do sleep 1; done', { ready: /^up$/, grace: 100 })
  await kept.whenReady()
  const exit = next(kept, 'child.exit')
  await kept.stop()
  expect(await exit).toMatchObject({ reason: { type: 'shutdown', detail: { signal: 'SIGKILL', requested: 'kill' } } })
})

test('a program that ends within its grace is never killed', async () => {
  const script = 'trap "sleep 2.5; exit 7" TERM; echo up; while :; do sleep 0.01; done' // longer than the default
  const kept = await keepShell(script, { ready: /^up$/, grace: 50_000 })
  await kept.whenReady()
  const exit = next(kept, 'child.exit')
  await kept.stop()
  expect(await exit).toMatchObject({ reason: { type: 'shutdown', detail: { code: 7, requested: 'term' } } })
})

test('stop() during the start leaves no process', async () => {
  const runtime = await open()
  const spawned: Promise<unknown>[] = []
  const observed: Runtime = Object.assign(Object.create(runtime) as Runtime, {
    spawn: (request: Parameters<Runtime['spawn']>[0]) => {
      const spawning = runtime.spawn(request)
      spawned.push(spawning)
      return spawning
    },
    census: () => runtime.census(),
  })
  const kept = await keepShell(STAYS, { runtime: observed })
  await eventually('it was ordered', () => spawned.length === 1)
  expect(kept.pid).toBeUndefined()
  await kept.stop()
  expect(await spawned[0]).toMatchObject({ pid: expect.any(Number) }) // there was something to be ended
  expect(runtime.census()).toEqual([])
})

test('stop() before the program is ready leaves no process', async () => {
  const kept = await keepShell('exec sleep 60', { ready: /^never$/ })
  const waiting = kept.whenReady()
  const { pid } = await next(kept, 'program.start')
  expect(isAlive(pid)).toBe(true)
  await Promise.all([kept.stop(), expect(waiting).rejects.toMatchObject({ code: 'STOPPED' })])
  expect(kept.runtime.census()).toEqual([])
})

test('no process is left when the host is killed', async () => {
  const host = startHost(freshState(), 'keep', 'setsid sleep 60 & echo up; wait')
  const { children } = await host.next()
  const [{ pid, spawn } = { pid: 0, spawn: '' }] = children
  process.kill(pid, 'SIGKILL')
  const [second = { pid: 0, spawn: '' }] = (await host.next()).children
  expect(second.pid).not.toBe(pid)
  await eventually('it runs, with its child', () => familyOf(second.spawn).length === 2)
  expect(familyOf(spawn)).toEqual([])
  host.child.kill('SIGKILL')
  await ended(host.child)
  await eventually('nothing is left', () => familyOf(second.spawn).length === 0, 2000)
})

const lacks = await withoutContainments()

for (const containment of CONTAINMENTS) {
  testUnless(lacks[containment])(`with containment ${containment}: restarted, stopped, gone`, async () => {
    const runtime = await open(freshState(), silent, { containment })
    const kept = await keepShell('setsid sleep 60 & echo up; wait', { runtime, ready: /^up$/ })
    await kept.whenReady()
    const again = next(kept, 'child.ready')
    process.kill(pidOf(kept), 'SIGKILL')
    await again
    await eventually('the second process and its child, and no other', () => runtime.census().length === 2)
    await kept.stop()
    expect(runtime.census()).toEqual([])
  })
}
