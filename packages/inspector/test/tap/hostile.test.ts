// Applications that are hard to look at: the tap changes nothing about them, and does not slow them down.
import { afterEach, expect, test } from '@jest/globals'
import { createActor, createMachine, type AnyActor } from 'xstate'
import { FLUSH_MS, REST_FACTOR } from '../../src/shared/limits.ts'
import { openTap, TestPage } from '../support.ts'

const started: AnyActor[] = []
afterEach(() => {
  for (const actor of started.splice(0)) actor.stop()
})

const fail = (): never => {
  throw new Error('hostile')
}

/** Contexts that throw when they are read, lead in circles, or are large. */
function contexts(): readonly (() => object)[] {
  const circle: Record<string, unknown> = {}
  circle.self = [circle]
  const large = { text: 'x'.repeat(10_000_000), list: Array.from({ length: 100_000 }, (_, i) => ({ i })) }
  return [
    () => ({ circle }),
    () => ({ holder: Object.defineProperty({}, 'getter', { enumerable: true, get: fail }) }),
    () => ({ proxy: new Proxy({}, { get: fail, ownKeys: fail, getPrototypeOf: fail }) }),
    () => ({ large }),
    () => ({ toJSON: fail, [Symbol.toPrimitive]: fail, toString: fail }),
  ]
}

const hostile = createMachine({
  id: 'hostile',
  context: ({ input }: { input: { make: () => object } }) => input.make(),
  type: 'parallel',
  states: {
    left: { initial: 'a', states: { a: { on: { GO: 'b' } }, b: { on: { GO: 'a' } } } },
    right: { initial: 'c', states: { c: { on: { GO: 'd' } }, d: { on: { GO: 'c' } } } },
  },
})

test('300 actors with hostile contexts and events go on as they would without a page, and are all shown', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  const makers = contexts()
  const actors = Array.from({ length: 300 }, (_, i) => {
    const input = { make: makers[i % makers.length] ?? fail }
    const actor = createActor(hostile, { id: `h${i}`, input, inspect: tap.inspect }).start()
    started.push(actor)
    return actor
  })
  clock.advance(FLUSH_MS)
  for (let round = 0; round < 3; round += 1) {
    page.watch(...actors.slice(8 * round, 8 * round + 8).map(({ id }) => id))
    for (const actor of actors) actor.send({ type: 'GO', payload: new Proxy({}, { get: fail, ownKeys: fail }) })
    clock.advance(FLUSH_MS)
  }
  const expected = { left: 'b', right: 'd' }
  expect(actors.filter((actor) => actor.getSnapshot().status !== 'active')).toEqual([])
  expect(actors.map((actor) => actor.getSnapshot().value)).toEqual(actors.map(() => expected))
  expect([...page.actors.values()].map(({ value }) => value)).toEqual(actors.map(() => expected))
  expect({
    actors: page.actors.size,
    gaps: page.gaps,
    watched: new Set(page.of('detail').map(({ id }) => id)).size,
  }).toEqual({
    actors: 300,
    gaps: 0,
    watched: 24,
  })
  const longest = Math.max(...page.of('detail').map((detail) => JSON.stringify(detail).length))
  expect(longest).toBeLessThan(20_000)
})

test('an actor whose snapshot takes long to write is written at most a tenth of the time', () => {
  const { tap, clock } = openTap()
  const actor = createActor(hostile, { id: 'slow', input: { make: () => ({}) }, inspect: tap.inspect }).start()
  started.push(actor)
  const page = new TestPage(tap)
  page.watch('slow')
  clock.step = 40
  const begun = page.of('detail').length
  const from = clock.now()
  for (let i = 0; i < 100; i += 1) {
    actor.send({ type: 'GO' })
    clock.advance(FLUSH_MS)
  }
  const written = page.of('detail').length - begun
  expect(written).toBeGreaterThan(3)
  expect(written).toBeLessThanOrEqual((clock.now() - from) / (clock.step * REST_FACTOR) + 1)
})
