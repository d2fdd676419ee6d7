import { expect, test } from '@jest/globals'
import {
  assign,
  cancel,
  createMachine,
  enqueueActions,
  raise,
  setup,
  type AnyStateMachine,
  type AnyEventObject,
} from 'xstate'
import { bench } from '../support.ts'

/**
 * XState is the state machine. What OTP's gen_statem shares with it has to hold for a supervised machine on the
 * supervisor's clock as well.
 */
async function supervised(machine: AnyStateMachine) {
  const { app, clock, ref } = bench({ children: [{ id: 'm', logic: machine }] })
  await app.start()
  const actor = ref('m')
  const send = (event: string | AnyEventObject): void => {
    actor.send(typeof event === 'string' ? { type: event } : event)
  }
  const state = (): unknown => (actor.getSnapshot() as { value: unknown }).value
  return { app, clock, send, state }
}

test('R01 the entry action of the first state comes before any event', async () => {
  const log: string[] = []
  const { app, send } = await supervised(
    createMachine({
      initial: 'a',
      states: { a: { entry: () => log.push('enter a'), on: { x: { actions: () => log.push('x') } } } },
    }),
  )
  expect(log).toEqual(['enter a'])
  send('x')
  expect(log).toEqual(['enter a', 'x'])
  await app.stop()
})

test('R02 postponed events: kept in the context, raised on leaving the state, so before newer ones', async () => {
  type Event = { type: 'work'; n: number } | { type: 'x' } | { type: 'move' }
  const log: string[] = []
  const note = ({ event }: { event: Event }): void => {
    log.push(event.type === 'work' ? `work ${event.n}` : event.type)
  }
  const { app, send } = await supervised(
    setup({ types: { context: {} as { postponed: Event[] }, events: {} as Event } }).createMachine({
      context: { postponed: [] },
      initial: 'a',
      states: {
        a: {
          on: {
            work: { actions: assign({ postponed: ({ context, event }) => [...context.postponed, event] }) },
            x: { actions: note },
            move: {
              target: 'b',
              actions: ({ self }) => {
                self.send({ type: 'work', n: 3 })
              },
            },
          },
          exit: enqueueActions(({ context, enqueue }) => {
            for (const event of context.postponed) enqueue.raise(event)
            enqueue.assign({ postponed: [] })
          }),
        },
        b: { on: { work: { actions: note } } },
      },
    }),
  )
  send({ type: 'work', n: 1 })
  send({ type: 'work', n: 2 })
  send('x')
  send('move')
  expect(log).toEqual(['x', 'work 1', 'work 2', 'work 3'])
  await app.stop()
})

test('R03 a state timeout survives other events and ends with the state', async () => {
  const machine = createMachine({
    initial: 'a',
    states: { a: { after: { 40: 'late' }, on: { x: { actions: () => undefined }, leave: 'b' } }, b: {}, late: {} },
  })
  const waiting = await supervised(machine)
  await waiting.clock.advance(39)
  waiting.send('x')
  await waiting.clock.advance(1)
  expect(waiting.state()).toBe('late')
  await waiting.app.stop()

  const left = await supervised(machine)
  left.send('leave')
  expect(left.clock.pending).toBe(0)
  await left.clock.advance(1_000)
  expect(left.state()).toBe('b')
  await left.app.stop()
})

test('R04 an event timeout: a delayed event that any other event cancels', async () => {
  const log: string[] = []
  const { app, clock, send } = await supervised(
    createMachine({
      entry: raise({ type: 'timeout' }, { id: 'idle', delay: 40 }),
      on: { timeout: { actions: () => log.push('timeout') }, x: { actions: cancel('idle') } },
    }),
  )
  await clock.advance(39)
  send('x')
  await clock.advance(1_000)
  expect(log).toEqual([])
  await app.stop()
})

test('R05 a named timeout survives a change of state, and the same name set again replaces it', async () => {
  const log: string[] = []
  const arm = (event: string) => [cancel('name'), raise({ type: event }, { id: 'name', delay: 40 })]
  const { app, clock, send, state } = await supervised(
    createMachine({
      initial: 'a',
      on: {
        first: { actions: arm('one') },
        second: { actions: arm('two') },
        one: { actions: () => log.push('one') },
        two: { actions: () => log.push('two') },
      },
      states: { a: { on: { move: 'b' } }, b: {} },
    }),
  )
  send('first')
  await clock.advance(39)
  send('second')
  send('move')
  await clock.advance(39)
  expect(log).toEqual([])
  await clock.advance(1)
  expect(log).toEqual(['two'])
  expect(state()).toBe('b')
  await app.stop()
})

test('R06 events that a machine raises come before waiting events', async () => {
  const log: string[] = []
  const note = ({ event }: { event: { type: string } }): void => {
    log.push(event.type)
  }
  const { app, send } = await supervised(
    createMachine({
      on: {
        go: {
          actions: [
            ({ self }) => {
              self.send({ type: 'external' })
            },
            raise({ type: 'i1' }),
            raise({ type: 'i2' }),
          ],
        },
        i1: { actions: note },
        i2: { actions: note },
        external: { actions: note },
      },
    }),
  )
  send('go')
  expect(log).toEqual(['i1', 'i2', 'external'])
  await app.stop()
})

test('R07 a transition to the same state enters it again only if it says so', async () => {
  const log: string[] = []
  const { app, send } = await supervised(
    createMachine({
      initial: 'a',
      states: { a: { entry: () => log.push('enter'), on: { same: 'a', repeat: { target: 'a', reenter: true } } } },
    }),
  )
  send('same')
  expect(log).toEqual(['enter'])
  send('repeat')
  expect(log).toEqual(['enter', 'enter'])
  await app.stop()
})
