import { expect, test } from '@jest/globals'
import { createActor, createMachine, fromCallback, fromPromise } from 'xstate'
import { supervisor } from '@terrarium/supervisor'
import { call, createRegistry, exit, exitReasonOf, fromServer, monitor } from '@terrarium/supervisor/otp'
import { bench, child, idle, started, stubborn } from './support.ts'

const boom = new Error('boom')

test.each(['otp', 'default'] as const)(
  'mode %s: a child that crashes its sibling has ended before its exit event and its next start',
  async (mode) => {
    let alive = 0
    let most = 0
    let fell = (): void => undefined
    const registry = createRegistry<string>({ keys: 'unique' })
    const logic = fromCallback(({ receive }) => {
      most = Math.max(most, ++alive)
      receive(() => {
        fell()
      })
      return () => {
        alive -= 1
      }
    })
    const it = await started({
      mode,
      strategy: 'one_for_all',
      ...(mode === 'otp' ? { intensity: 1 } : {}),
      children: [child('a', { logic: registry.named('a', logic) }), child('b')],
    })
    const early: string[] = []
    it.app.on('child.exit', ({ id, ref }) => {
      if (exitReasonOf(ref) === undefined) early.push(id)
    })
    const b = it.ref('b')
    fell = () => {
      b.send({ type: 'throw', error: boom })
    }
    it.ref('a').send({ type: 'go' })
    await it.clock.advance(0)
    expect({ early, most }).toEqual({ early: [], most: 1 })
    expect(it.app.children).toMatchObject([
      { id: 'a', state: 'running', incarnation: 2 },
      { id: 'b', state: 'running', incarnation: 2 },
    ])
    await it.app.stop()
    expect(alive).toBe(0)
  },
)

test.each(['normal', 'shutdown'] as const)(
  'a transient child that exits with %s while it starts counts as ended cleanly',
  async (type) => {
    const reason = type === 'normal' ? { type, output: undefined } : { type }
    const logic = createMachine({
      entry: ({ self }) => {
        exit(self, reason)
      },
    })
    const it = bench({ children: [child('a', { logic, restart: 'transient' })] })
    await it.app.start()
    await it.clock.advance(60_000)
    expect(it.events.filter((event) => event.type === 'child.exit')).toMatchObject([{ reason }])
    expect([it.state('a'), it.app.ref.getSnapshot().zombieEffects]).toEqual(['stopped', 0])
    await it.app.stop()
  },
)

test('a supervisor that is ended by exit() reports the reason', async () => {
  const it = await started({ children: [child('a')] })
  exit(it.app.ref, { type: 'shutdown', detail: 'enough' })
  expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown', detail: 'enough' } })
})

test('a clean-up that throws is the reason of the exit', async () => {
  const logic = fromCallback(() => () => {
    throw boom
  })
  const it = await started({ children: [child('a', { logic })] })
  const downs: unknown[] = []
  monitor(it.ref('a'), ({ reason }) => downs.push(reason))
  await it.app.terminateChild('a')
  await it.clock.advance(0)
  const reason = { type: 'error', error: boom }
  expect(it.events.at(-1)).toMatchObject({ type: 'child.exit', reason })
  expect(downs).toEqual([reason])
  await it.app.stop()
})

test('an actor that is killed before its start settles its pending waits', async () => {
  const ref = createActor(idle)
  const registry = createRegistry<string>({ keys: 'unique' })
  registry.register('k', ref)
  const downs: unknown[] = []
  monitor(ref, ({ reason }) => downs.push(reason.type))
  const called = call(ref, { type: 'x' }, { timeout: 'infinity' })
  exit(ref, { type: 'killed' })
  await expect(called).rejects.toMatchObject({ code: 'STOPPED' })
  expect([downs, registry.size]).toEqual([['killed'], 0])
})

test('a lock whose holder ends while its work throws causes no unhandled rejection', async () => {
  const registry = createRegistry<string>({ keys: 'unique' })
  const holder = createActor(idle).start()
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const work = (): never => {
    exit(holder, { type: 'killed' })
    throw boom
  }
  await expect(registry.lock('k', holder, work)).rejects.toBe(boom)
  await new Promise((resolve) => setTimeout(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

test.each([Infinity, 30 * 86_400_000])('a call may wait for %s ms', async (timeout) => {
  const ref = createActor(fromServer({ init: () => ({ state: 0 }), handleCall: () => undefined })).start()
  let isSettled = false
  const aborter = new AbortController()
  const called = call(ref, { type: 'x' }, { timeout, signal: aborter.signal }).finally(() => {
    isSettled = true
  })
  const refused = expect(called).rejects.toMatchObject({ code: 'CANCELLED' })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(isSettled).toBe(false)
  aborter.abort()
  await refused
  ref.stop()
})

test('an incarnation is stopped by the specification that it was started with', async () => {
  const it = await started({ children: [child('a', { logic: stubborn })] })
  await it.app.reconfigure({ id: 'a', logic: supervisor({ id: 'sub' }) })
  const stopped = it.app.stop()
  await it.clock.advance(5_000)
  await stopped
  expect(it.state('a')).toBe('stopped')
})

test('a late rejection of a stopped child is no failure, and its messages are delivered', async () => {
  let end = (): void => undefined
  const it = await started({
    children: [
      child('a', {
        logic: fromPromise(
          () =>
            new Promise((_resolve, reject) => {
              end = () => {
                reject(boom)
              }
            }),
        ),
      }),
    ],
  })
  await it.app.terminateChild('a')
  end()
  await it.clock.advance(100)
  expect([it.state('a'), it.app.ref.getSnapshot().zombieEffects]).toEqual(['stopped', 0])
  await it.app.stop()
})

test('a server with timeout Infinity never gets a timeout message', async () => {
  const heard: string[] = []
  const handleInfo = ({ type }: { type: string }) => {
    heard.push(type)
    return { timeout: Infinity }
  }
  const ref = createActor(fromServer({ init: () => ({ state: 0 }), handleInfo })).start()
  ref.send({ type: 'go' })
  await new Promise((resolve) => setTimeout(resolve, 20))
  ref.stop()
  expect(heard).toEqual(['go'])
})
