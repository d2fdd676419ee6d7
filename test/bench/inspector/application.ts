// The applications of the suite `inspector`: 300 actors of a machine, inspected in different ways.
import { once } from 'node:events'
import { createInspector, type Inspector } from '@terrarium/inspector'
import type { FromSource } from '@terrarium/inspector/protocol'
import { WebSocket } from 'ws'
import { assign, createActor, createMachine, setup, type AnyActor, type AnyStateMachine } from 'xstate'

const ACTORS = 300

export interface Application {
  readonly name: string
  readonly isWatched: boolean
  /** Whether there is a target for it. */
  readonly isBound: boolean
  /** How many events one `send()` sends. */
  readonly events: number
  /** Sends each actor an event. */
  readonly send: () => void
  readonly close: () => Promise<void>
}

/** An event that does nothing but change a state: nothing hides what is added to it. */
const light = createMachine({
  id: 'light',
  initial: 'red',
  states: { red: { on: { NEXT: 'green' } }, green: { on: { NEXT: 'red' } } },
})

interface Item {
  readonly sku: string
  readonly price: number
}

const add = (items: readonly Item[]): readonly Item[] => [...items, { sku: `A-${items.length}`, price: 9.5 }].slice(-20)
const totalOf = (items: readonly Item[]): number => items.reduce((sum, { price }) => sum + price, 0)

/** An event with a guard, an action and a new context, as applications have them. */
const order = setup({
  types: { context: {} as { items: readonly Item[]; total: number; customer: object } },
  guards: { isOpen: ({ context }) => context.items.length < 100 },
  actions: {
    add: assign({ items: ({ context }) => add(context.items), total: ({ context }) => totalOf(add(context.items)) }),
    note: () => undefined,
  },
}).createMachine({
  id: 'order',
  context: { items: [], total: 0, customer: { name: 'Ada', password: 'secret' } },
  initial: 'shopping',
  states: {
    shopping: {
      initial: 'browsing',
      states: {
        browsing: { on: { NEXT: { target: 'choosing', guard: 'isOpen', actions: 'add' } } },
        choosing: { entry: 'note', on: { NEXT: { target: 'browsing', guard: 'isOpen', actions: 'add' } } },
      },
    },
  },
})

const MACHINES = { 'an order': order, 'a light': light } as const

/** `empty`: the option `inspect` with a function that does nothing, which is what XState itself adds. */
type Way = 'none' | 'empty' | 'watch' | 'inspect'

/** Applications of one machine. The first has no inspector. */
export async function openApplications(machine: keyof typeof MACHINES): Promise<readonly Application[]> {
  const applications: Application[] = []
  for (const [name, way, isWatched] of WAYS) applications.push(await open(machine, name, way, isWatched))
  return applications
}

const WAYS = [
  ['no inspector', 'none', false],
  ['an inspector that does nothing', 'empty', false],
  ['watch(), no page', 'watch', false],
  ['inspect, no page', 'inspect', false],
  ['watch(), a page', 'watch', true],
  ['inspect, a page', 'inspect', true],
] as const

async function open(machine: keyof typeof MACHINES, name: string, way: Way, isWatched: boolean): Promise<Application> {
  const inspector = way === 'none' || way === 'empty' ? undefined : createInspector({ print: () => undefined })
  const inspect = way === 'empty' ? () => undefined : way === 'inspect' ? inspector?.inspect : undefined
  const actors = Array.from({ length: ACTORS }, () =>
    createActor<AnyStateMachine>(MACHINES[machine], inspect && { inspect }).start(),
  )
  if (way === 'watch') for (const actor of actors) inspector?.watch(actor)
  const page = isWatched && inspector !== undefined ? await openPage(inspector) : undefined
  return {
    name: `${machine}, ${name}`,
    isWatched,
    isBound: isWatched || way === 'watch',
    events: ACTORS,
    send: () => {
      for (const actor of actors) actor.send({ type: 'NEXT', amount: 3 })
    },
    close: async () => {
      page?.terminate()
      for (const actor of actors as readonly AnyActor[]) actor.stop()
      await inspector?.close()
    },
  }
}

/** A page that shows one of the actors, and does not draw. */
async function openPage(inspector: Inspector): Promise<WebSocket> {
  const { host, hash, origin } = new URL(await inspector.address)
  const page = new WebSocket(`ws://${host}/ws`, ['terrarium.v1', `auth.${hash.slice('#t='.length)}`], { origin })
  page.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as FromSource
    if (message.t !== 'snap') return
    page.send(JSON.stringify({ t: 'watch', ids: message.actors.slice(0, 1).map(({ id }) => id) }))
    page.emit('shown')
  })
  await once(page, 'shown')
  return page
}
