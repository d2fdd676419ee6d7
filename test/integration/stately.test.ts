// What the inspector tells Stately's own parts: the relay, the adapters and the receivers of @statelyai/inspect.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createBrowserInspector, createWebSocketInspector, createWebSocketReceiver } from '@statelyai/inspect'
import { afterEach, expect, test } from '@jest/globals'
import { createInspector, type StatelyAdapter, type StatelyMessage } from '@terrarium/inspector'
import { assign, createActor, createMachine, fromPromise, sendTo, setup, stopChild, type AnyStateMachine } from 'xstate'
import { WebSocket } from 'ws'
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

const RELAY = `
  import { createInspectorServer } from '@statelyai/inspect/server'
  createInspectorServer({ port: Number(process.argv[1]), autoOpen: false })
`

/** Stately's relay in a process of its own: neither it nor a receiver can close its connections. */
async function startRelay(): Promise<number> {
  const port = await freePort()
  const argv = ['--input-type=module', '--eval', RELAY, `${port}`]
  const relay = spawn(process.execPath, argv, { cwd: import.meta.dirname, stdio: ['ignore', 'inherit', 'inherit'] })
  closing.push(async () => {
    relay.kill()
    await once(relay, 'exit')
  })
  await eventually('the relay listens', () =>
    fetch(`http://127.0.0.1:${port}`).then(
      (answer) => answer.text().then(() => true),
      () => false,
    ),
  )
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
        WORK: { target: 'loading', actions: sendTo('kid', { type: 'GO' }) },
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
  expect(go).toMatchObject({ sourceId: root, sessionId: told.idOf('kid') })
  // What Stately draws is the machine.
  const { definition } = told.of('@xstate.actor').find(({ name }) => name === 'root') ?? { definition: '{}' }
  const drawn: AnyStateMachine = createMachine(JSON.parse(definition) as never)
  expect(Object.keys(drawn.states)).toEqual(['calm', 'loading', 'sad'])
}

test("Stately's WebSocket receiver reads what its adapter and its relay are told", async () => {
  const port = await startRelay()
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

test("Stately's WebSocket receiver connects to the program itself, at any time, with the token", async () => {
  const inspector = createInspector({ stately: true, print: () => undefined })
  closing.push(() => inspector.close())
  const actor = createActor(parent, { id: 'root', inspect: inspector.inspect })
  actor.subscribe({ error: () => undefined })
  actor.start()
  const server = await inspector.statelyAddress
  const [early, late] = [new Told(), new Told()]
  const receive = (told: Told): void => {
    createWebSocketReceiver({ server }).subscribe((message) => {
      told.messages.push(message as unknown as StatelyMessage)
    })
  }
  receive(early)
  await eventually('the receiver has the root', () => early.idOf('root') !== undefined)
  actor.send({ type: 'COUNT' })
  actor.send({ type: 'WORK' })
  await eventually('the root is sad', () => early.last('root')?.value === 'sad')
  // What runs already is told to a receiver that comes later.
  receive(late)
  await eventually('the later receiver has the root as it is', () => late.last('root')?.value === 'sad')
  actor.send({ type: 'DISMISS' })
  await eventually('the child is stopped', () => early.last('kid')?.status === 'stopped')
  actor.send({ type: 'BREAK' })
  await expectTold(early)
  await eventually('the root is told to have failed', () => late.last('root')?.status === 'error')
  expect(late.of('@xstate.actor').filter(({ name }) => name === 'root')).toHaveLength(1)
})

test.each([
  ['the token is wrong by one character', (url: string) => `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`, {}],
  ['there is no token', (url: string) => url.split('?')[0] ?? '', {}],
  ['a page of another origin asks', (url: string) => url, { origin: 'https://evil.example' }],
  ['the host is another name', (url: string) => url, { host: 'evil.example' }],
])('a receiver is refused when %s', async (_, change, headers) => {
  const inspector = createInspector({ stately: true, print: () => undefined })
  closing.push(() => inspector.close())
  const socket = new WebSocket(change(await inspector.statelyAddress), { headers })
  const [error] = (await once(socket, 'error')) as [Error]
  expect(error.message).toContain('403')
})

test('without the option there is no place for receivers', async () => {
  const inspector = createInspector({ print: () => undefined })
  closing.push(() => inspector.close())
  expect(await inspector.statelyAddress).toBe('')
  const { host, hash } = new URL(await inspector.address)
  const socket = new WebSocket(`ws://${host}/stately/ws?${hash.slice(1)}`)
  const [error] = (await once(socket, 'error')) as [Error]
  expect(error.message).toContain('403')
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
