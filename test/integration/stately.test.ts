// What the inspector tells Stately's own parts: the relay, the adapters and the receivers of @statelyai/inspect.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createBrowserInspector, createWebSocketInspector, createWebSocketReceiver } from '@statelyai/inspect'
import { createInspectorServer } from '@statelyai/inspect/server'
import { afterEach, expect, test } from '@jest/globals'
import { createInspector, type StatelyAdapter, type StatelyMessage } from '@terrarium/inspector'
import { assign, createActor, createMachine, fromPromise, sendTo, setup, stopChild, type AnyStateMachine } from 'xstate'
import { eventually } from '../support/terrarium.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Stately binds the port that it is given, and no other. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const child = createMachine({
  id: 'child',
  context: { password: 'open sesame', visits: 1 },
  initial: 'idle',
  states: { idle: { on: { GO: 'busy' } }, busy: {} },
})

const parent = setup({
  types: { context: {} as { count: number } },
  actors: { child, load: fromPromise(() => Promise.reject(new Error('no network'))) },
  actions: {
    fail: () => {
      throw new Error('boom')
    },
  },
}).createMachine({
  id: 'parent',
  context: { count: 0 },
  invoke: { src: 'child', id: 'kid' },
  initial: 'calm',
  states: {
    calm: {
      on: {
        COUNT: { actions: assign({ count: ({ context }) => context.count + 1 }) },
        WORK: { target: 'loading', actions: sendTo('kid', { type: 'GO', token: 'abc', size: 3 }) },
      },
    },
    loading: { invoke: { src: 'load', id: 'load', onError: 'sad' }, after: { 60_000: 'calm' } },
    sad: { on: { DISMISS: { actions: stopChild('kid') }, BREAK: { actions: 'fail' } } },
  },
})

/** An application that is told to everything that can go wrong, with an inspector for an adapter. */
function run(stately: StatelyAdapter): { close: () => Promise<void>; act: () => void } {
  const inspector = createInspector({ stately, print: () => undefined })
  const actor = createActor(parent, { id: 'root', inspect: inspector.inspect })
  actor.subscribe({ error: () => undefined })
  actor.start()
  closing.push(() => inspector.close())
  return {
    close: () => inspector.close(),
    act: () => {
      actor.send({ type: 'COUNT' })
      actor.send({ type: 'WORK' })
      setTimeout(() => {
        actor.send({ type: 'DISMISS' })
        actor.send({ type: 'BREAK' })
      }, 250)
    },
  }
}

type Of<T extends StatelyMessage['type']> = Extract<StatelyMessage, { readonly type: T }>

class Told {
  readonly messages: StatelyMessage[] = []

  of<T extends StatelyMessage['type']>(type: T): Of<T>[] {
    return this.messages.filter((each): each is Of<T> => each.type === type)
  }

  idOf(name: string): string | undefined {
    return this.of('@xstate.actor').find((each) => each.name === name)?.sessionId
  }

  last(name: string): Of<'@xstate.snapshot'>['snapshot'] | undefined {
    return this.of('@xstate.snapshot')
      .filter(({ sessionId }) => sessionId === this.idOf(name))
      .at(-1)?.snapshot
  }
}

/** Every actor once, what it is now, and how it ended. */
async function expectTold(told: Told): Promise<void> {
  await eventually('the root is told to have failed', () => told.last('root')?.status === 'error')
  await eventually('the child is told to be stopped', () => told.last('kid')?.status === 'stopped')
  const names = told.of('@xstate.actor').map(({ name }) => name)
  expect(names.sort()).toEqual(['kid', 'load', 'root'])
  const root = told.idOf('root')
  expect(told.messages.every(({ rootId }) => rootId === root)).toBe(true)
  expect(told.messages.every(({ _version }) => _version === '0.7.2')).toBe(true)
  expect(told.of('@xstate.actor').find(({ name }) => name === 'kid')).toMatchObject({ parentId: root })
  expect(told.last('root')).toMatchObject({ value: 'sad', context: { count: 1 } })
  expect(JSON.stringify(told.last('root')?.error)).toContain('boom')
  expect(told.last('kid')).toMatchObject({ value: 'busy', context: { visits: 1, password: 'redacted' } })
  expect(told.last('load')).toMatchObject({ status: 'error' })
  const go = told.of('@xstate.event').find(({ event }) => event.type === 'GO')
  expect(go).toMatchObject({ sourceId: root, sessionId: told.idOf('kid'), event: { size: 3, token: 'redacted' } })
  // What Stately draws is the machine.
  const { definition } = told.of('@xstate.actor').find(({ name }) => name === 'root') ?? { definition: '{}' }
  const drawn: AnyStateMachine = createMachine(JSON.parse(definition) as never)
  expect(Object.keys(drawn.states)).toEqual(['calm', 'loading', 'sad'])
}

test("Stately's WebSocket receiver reads what its adapter and its relay are told", async () => {
  const port = await freePort()
  const relay = createInspectorServer({ port, autoOpen: false })
  closing.push(() => {
    relay.stop()
  })
  const told = new Told()
  createWebSocketReceiver({ server: `ws://127.0.0.1:${port}` }).subscribe((message) => {
    told.messages.push(message as unknown as StatelyMessage)
  })
  const stately = createWebSocketInspector({ url: `ws://127.0.0.1:${port}` })
  closing.push(() => {
    stately.stop()
  })
  run(stately.adapter).act()
  await expectTold(told)
})

test("Stately's adapter for browsers posts the same to its window", async () => {
  const told = new Told()
  const listeners: ((event: object) => void)[] = []
  const viewer = { postMessage: (message: StatelyMessage) => told.messages.push(message) }
  const window = {
    open: () => viewer,
    addEventListener: (_: string, listener: (event: object) => void) => listeners.push(listener),
  }
  const stately = createBrowserInspector({ window: window })
  run(stately.adapter).act()
  for (const listener of listeners) listener({ data: { type: '@statelyai.connected' } })
  await expectTold(told)
})

test('an adapter that throws is told nothing more, and changes nothing', () => {
  const send = (): never => {
    throw new Error('the viewer is gone')
  }
  const inspector = createInspector({ stately: { send }, print: () => undefined })
  closing.push(() => inspector.close())
  const actor = createActor(child, { inspect: inspector.inspect }).start()
  actor.send({ type: 'GO' })
  expect(actor.getSnapshot().value).toBe('busy')
})

test('without an adapter nothing is told, and after close() nothing more', async () => {
  const told = new Told()
  const { close } = run({ send: (message) => told.messages.push(message) })
  await eventually('the actors are told', () => told.idOf('kid') !== undefined)
  await close()
  const { length } = told.messages
  await new Promise((resolve) => setTimeout(resolve, 250))
  expect(told.messages).toHaveLength(length)
})
