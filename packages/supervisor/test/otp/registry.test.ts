import { expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import { isTerrariumError } from '@terrarium/supervisor'
import { createRegistry, exit, exitReasonOf, fromServer, monitor, type RegistryEvent } from '@terrarium/supervisor/otp'
import { bench, idle, obedient } from '../support.ts'
import { boom, end, KILLED, NORMAL, observers, settled, worker } from './actors.ts'

/** What an operation was refused with. */
function refusal(operation: () => unknown): Readonly<Record<string, unknown>> {
  try {
    operation()
  } catch (error) {
    if (isTerrariumError(error, 'INVALID_ARGUMENT')) return error.details
    throw error
  }
  throw new Error('was not refused')
}

test('N01 a start under a taken name fails with the owner as details, and the owner goes on', async () => {
  const registry = createRegistry<string>({ keys: 'unique' })
  const { app } = bench({ children: [{ id: 'a', logic: registry.named('name', obedient) }] })
  await app.start()
  const owner = registry.whereis('name')
  expect(owner).toBe(app.children[0]?.ref)
  const error: unknown = await app.startChild({ id: 'b', logic: registry.named('name', idle) }).catch((e: unknown) => e)
  expect(error).toMatchObject({
    code: 'START_FAILED',
    cause: { code: 'INVALID_ARGUMENT', details: { reason: 'already_started' } },
  })
  expect((error as { cause: { details: { ref: unknown } } }).cause.details.ref).toBe(owner)
  expect(registry.whereis('name')).toBe(owner)
  expect(exitReasonOf(owner as AnyActorRef)).toBeUndefined()
  await app.stop()
  expect(registry.size).toBe(0)
})

test('N02 a name is free before the death is reported, and a restart takes it at once', async () => {
  const registry = createRegistry<string>({ keys: 'unique' })
  const lonely = worker()
  registry.register('lonely', lonely)
  const seen: unknown[] = []
  monitor(lonely, () => seen.push(registry.whereis('lonely')))
  exit(lonely, KILLED)
  await settled()
  expect(seen).toEqual([undefined])

  const { app, clock } = bench({ children: [{ id: 'a', logic: registry.named('name', obedient) }] })
  await app.start()
  const first = registry.whereis('name') as AnyActorRef
  exit(first, KILLED)
  await clock.advance(0)
  const second = registry.whereis('name')
  expect(second).toBe(app.children[0]?.ref)
  expect(second).not.toBe(first)
  await app.stop()
})

test('N03 a unique key is registered once, even by its owner', () => {
  const registry = createRegistry<string>({ keys: 'unique' })
  const [a, b] = [worker(), worker()]
  registry.register('k', a)
  for (const ref of [a, b]) {
    const details = refusal(() => {
      registry.register('k', ref)
    })
    expect(details['reason']).toBe('already_registered')
    expect(details['ref']).toBe(a)
  }
  expect(registry.lookup('k')).toEqual([{ ref: a, value: undefined }])
})

test('N04 a dead owner is never found, not even before clean-up; a named child can be restarted at once', async () => {
  const registry = createRegistry<string>({ keys: 'unique' })
  const [a, b] = [worker(), worker()]
  const seen: unknown[] = []
  // Subscribed before the registry, and so told before it.
  a.subscribe({
    complete: () => {
      seen.push(registry.size, registry.lookup('k'), registry.keys(a))
      registry.register('k', b)
    },
  })
  registry.register('k', a)
  end(a, NORMAL)
  expect(seen).toEqual([1, [], []])
  expect(registry.whereis('k')).toBe(b)
  expect(registry.size).toBe(1)
  expect(
    refusal(() => {
      registry.register('other', a)
    }),
  ).toMatchObject({ reason: 'noproc' })

  const logic = registry.named('name', fromServer({ init: () => ({ state: 0 }) }))
  const { app, clock } = bench({ backoff: { first: 0, base: 0 }, breaker: 'off', children: [{ id: 'a', logic }] })
  await app.start()
  for (let n = 1; n <= 50; n += 1) {
    await clock.advance(20_000)
    exit(registry.whereis('name') as AnyActorRef, KILLED)
    await clock.advance(0)
    expect(app.children[0]).toMatchObject({ state: 'running', incarnation: n + 1 })
    expect(registry.whereis('name')).toBe(app.children[0]?.ref)
  }
  await app.stop()
})

test('N05 all keys of an owner vanish with it', () => {
  for (const keys of ['unique', 'duplicate'] as const) {
    const registry = createRegistry<string>({ keys })
    const [a, b] = [worker(), worker()]
    for (const key of ['1', '2', '3']) registry.register(key, a)
    registry.register('4', b)
    exit(a, KILLED)
    expect(registry.keys(a)).toEqual([])
    expect(registry.lookup('2')).toEqual([])
    expect(registry.size).toBe(1)
  }
})

test('N06 a duplicate key can be registered twice by one owner, and is unregistered as a whole', () => {
  const registry = createRegistry<string, number>({ keys: 'duplicate' })
  const [a, b] = [worker(), worker()]
  registry.register('k', a, 1)
  registry.register('k', b, 2)
  registry.register('k', a, 3)
  expect(registry.lookup('k').map(({ value }) => value)).toEqual([1, 2, 3])
  expect(registry.keys(a)).toEqual(['k', 'k'])
  registry.unregister('k', a)
  expect(registry.keys(a)).toEqual([])
  expect(registry.lookup('k')).toEqual([{ ref: b, value: 2 }])
  expect(observers(a)).toBe(observers(worker()))
})

test('N07 names and updates need unique keys', () => {
  const registry = createRegistry<string, number>({ keys: 'duplicate' })
  const a = worker()
  registry.register('k', a, 1)
  const operations = [
    () => registry.whereis('k'),
    () => registry.named('k', idle, 1),
    () => registry.updateValue('k', a, (n) => n + 1),
  ]
  for (const operation of operations) expect(refusal(operation)).toMatchObject({ reason: 'not_unique' })
})

test('N08 only the owner updates a value', () => {
  const registry = createRegistry<string, number>({ keys: 'unique' })
  const [a, b] = [worker(), worker()]
  registry.register('k', a, 1)
  expect(refusal(() => registry.updateValue('k', b, (n) => n + 1))).toMatchObject({ reason: 'not_registered' })
  expect(registry.updateValue('k', a, (n) => n + 1)).toEqual({ value: 2, previous: 1 })
  expect(registry.lookup('k')).toEqual([{ ref: a, value: 2 }])
})

test('N09 dispatch without entries calls nothing', () => {
  const registry = createRegistry<string, string>({ keys: 'duplicate' })
  const calls: unknown[] = []
  registry.dispatch('k', (entries) => calls.push(entries))
  expect(calls).toEqual([])
  const a = worker()
  registry.register('k', a, 'v')
  registry.dispatch('k', (entries) => calls.push(entries))
  expect(calls).toEqual([[{ ref: a, value: 'v' }]])
})

test('N10 keys are compared strictly, and to unregister nothing is fine', () => {
  const registry = createRegistry<unknown>({ keys: 'unique' })
  const [a, b] = [worker(), worker()]
  registry.register(1, a)
  registry.register('1', b)
  registry.register({ a: 1 }, a)
  registry.register({ a: 1 }, b)
  registry.register(NaN, a)
  expect(registry.size).toBe(5)
  registry.unregister('absent', a)
  registry.unregister('1', a)
  registry.unregister(NaN, a)
  expect(registry.whereis(1)).toBe(a)
  expect(registry.whereis('1')).toBe(b)
  expect(registry.size).toBe(4)
})

test('N11 listeners hear of explicit calls; a lock is per key, and ends with its work, its failure or its holder', async () => {
  const heard: RegistryEvent<string, number>[] = []
  const registry = createRegistry<string, number>({ keys: 'unique', listeners: [(event) => heard.push(event)] })
  const [a, b, c] = [worker(), worker(), worker()]
  registry.register('k', a, 1)
  registry.unregister('k', a)
  registry.register('l', a, 2)
  exit(a, KILLED)
  expect(heard).toEqual([
    { type: 'register', key: 'k', ref: a, value: 1 },
    { type: 'unregister', key: 'k', ref: a },
    { type: 'register', key: 'l', ref: a, value: 2 },
  ])

  const log: string[] = []
  const never = new Promise<never>(() => undefined)
  const dying = registry.lock('k', c, () => {
    log.push('c holds')
    return never
  })
  const failing = registry.lock('k', b, () => {
    log.push('b holds')
    throw boom
  })
  const last = registry.lock('k', b, () => 'done')
  await expect(registry.lock('other', b, () => 'free')).resolves.toBe('free')
  expect(log).toEqual(['c holds'])
  exit(c, KILLED)
  await expect(dying).rejects.toMatchObject({ code: 'STOPPED', details: { actor: c.id } })
  await expect(failing).rejects.toBe(boom)
  await expect(last).resolves.toBe('done')
  await expect(registry.lock('k', c, () => 'never')).rejects.toMatchObject({ code: 'STOPPED' })
})
