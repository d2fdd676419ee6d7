// Roots that are watched without the option `inspect`: what is listened to, and when.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, test } from '@jest/globals'
import { createActor, createMachine, fromCallback, fromPromise, setup, stopChild, type AnyActor } from 'xstate'
import { isActor } from '../../src/shared/actor-ref.ts'
import { FLUSH_MS } from '../../src/shared/limits.ts'
import type { Tap } from '../../src/shared/tap.ts'
import { openTap, TestPage } from '../support.ts'

const started: AnyActor[] = []
afterEach(() => {
  for (const actor of started.splice(0)) actor.stop()
})

const door = createMachine({
  id: 'door',
  initial: 'closed',
  states: { closed: { on: { OPEN: 'opened' } }, opened: { on: { CLOSE: 'closed' } } },
})

const home = setup({
  actors: { door, bell: fromCallback(() => undefined), load: fromPromise(() => Promise.resolve(1)) },
}).createMachine({
  id: 'home',
  invoke: [
    { src: 'door', id: 'door' },
    { src: 'bell', id: 'bell' },
  ],
  on: { RAZE: { actions: stopChild('bell') } },
})

function startHome(): AnyActor {
  const actor = createActor(home, { id: 'home' }).start()
  started.push(actor)
  return actor
}

/** How many observers of a system there are, without the observers that it has already. */
function observersOf({ system }: AnyActor): () => number {
  let count = 0
  const inspect = system.inspect.bind(system)
  system.inspect = (observer) => {
    const subscription = inspect(observer)
    count += 1
    return {
      unsubscribe: () => {
        count -= 1
        subscription.unsubscribe()
      },
    }
  }
  return () => count
}

const watch = (tap: Tap, root: AnyActor): (() => void) => {
  if (!isActor(root)) throw new TypeError('no actor')
  return tap.watch(root)
}

const namesOf = (page: TestPage): string[] => [...page.actors.values()].map(({ name }) => name)

test('while no page is open, no observer is attached, and nothing is heard or kept', () => {
  const { tap, clock } = openTap()
  const actor = startHome()
  const observers = observersOf(actor)
  watch(tap, actor)
  for (let i = 0; i < 100; i += 1) actor.send({ type: 'NOTHING' })
  expect({ observers: observers(), timers: clock.timers }).toEqual({ observers: 0, timers: 0 })

  const page = new TestPage(tap)
  const other = new TestPage(tap)
  expect(observers()).toBe(1)
  expect(page.named('home')).toMatchObject({ events: 0, status: 'active' })
  page.connection.close()
  expect(observers()).toBe(1)
  other.connection.close()
  expect({ observers: observers(), pending: clock.pending }).toEqual({ observers: 0, pending: 0 })
})

test('actors that run before the page opens are shown, and what they do from then on', () => {
  const { tap, clock } = openTap()
  const actor = startHome()
  watch(tap, actor)
  const page = new TestPage(tap)
  expect(namesOf(page)).toEqual(['home', 'door', 'bell'])
  expect(page.named('door')).toMatchObject({ parent: page.named('home')?.id, kind: 'machine', value: 'closed' })
  expect(page.named('bell')).toMatchObject({ kind: 'callback', parent: page.named('home')?.id })
  ;(actor.getSnapshot() as { children: Record<string, AnyActor> }).children.door?.send({ type: 'OPEN' })
  clock.advance(FLUSH_MS)
  expect(page.named('door')).toMatchObject({ value: 'opened', events: 1, last: 'OPEN' })
  expect({ gaps: page.gaps, events: page.events.map(([, , , , type]) => type) }).toEqual({ gaps: 0, events: ['OPEN'] })
})

test('a page that opens later sees what is there then', () => {
  const { tap } = openTap()
  const actor = startHome()
  watch(tap, actor)
  new TestPage(tap).connection.close()
  actor.send({ type: 'RAZE' })
  const page = new TestPage(tap)
  expect(namesOf(page)).toEqual(['home', 'door'])
  page.connection.close()
  actor.stop()
  expect(new TestPage(tap).named('home')).toMatchObject({ status: 'stopped' })
})

test('a root that is watched while a page is open is shown at once, and not any more when that ends', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  const actor = startHome()
  const observers = observersOf(actor)
  const end = watch(tap, actor)
  actor.send({ type: 'NOTHING' })
  clock.advance(FLUSH_MS)
  expect(namesOf(page)).toEqual(['home', 'door', 'bell'])
  end()
  actor.send({ type: 'NOTHING' })
  clock.advance(FLUSH_MS)
  expect({ names: namesOf(page), observers: observers(), gaps: page.gaps }).toEqual({
    names: [],
    observers: 0,
    gaps: 0,
  })
})

test('a root that was not started is shown when it starts', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  const actor = createActor(home, { id: 'home' })
  started.push(actor)
  watch(tap, actor)
  clock.advance(FLUSH_MS)
  expect(namesOf(page)).toEqual([])
  actor.start()
  clock.advance(FLUSH_MS)
  expect(namesOf(page).sort()).toEqual(['bell', 'door', 'home'])
})

test('a root with the option `inspect` is heard once, also when it is watched', () => {
  const { tap, clock } = openTap()
  const page = new TestPage(tap)
  const actor = createActor(door, { id: 'door', inspect: tap.inspect }).start()
  started.push(actor)
  watch(tap, actor)
  watch(tap, actor)
  actor.send({ type: 'OPEN' })
  clock.advance(FLUSH_MS)
  expect(page.named('door')).toMatchObject({ events: 2, value: 'opened' })
})

test('a saved trace has the roots that are watched, and leaves no observer', () => {
  const { tap } = openTap()
  const actor = startHome()
  const observers = observersOf(actor)
  watch(tap, actor)
  const [, snap] = tap.trace()
  expect(snap).toMatchObject({ actors: [{ name: 'home' }, { name: 'door' }, { name: 'bell' }] })
  expect(observers()).toBe(0)
})

test('a root that nothing else holds is collected', async () => {
  const { tap } = openTap()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const watched = ((): WeakRef<AnyActor> => {
    const actor = createActor(door, { id: 'door' }).start()
    watch(tap, actor)
    new TestPage(tap).connection.close()
    return new WeakRef(actor)
  })()
  for (let i = 0; i < 3; i += 1) {
    await new Promise(setImmediate)
    collect()
  }
  expect(watched.deref()).toBeUndefined()
  expect(new TestPage(tap).actors.size).toBe(0)
})
