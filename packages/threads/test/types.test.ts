// The types of an actor in a thread follow from the type of what its module exposes. Compiled by the lint; the test
// holds the values that the types promise.
import { expect, test } from '@jest/globals'
import { createSupervisor } from '@terrarium/supervisor'
import { fromWorkerThread } from '@terrarium/threads'
import { createActor, setup, type ActorRefFrom } from 'xstate'

type CounterEvent = { type: 'count'; by: number } | { type: 'stop' }

const _counter = setup({
  types: {
    context: {} as { count: number },
    events: {} as CounterEvent,
    input: {} as { from: number },
    output: {} as string,
    emitted: {} as { type: 'counted'; count: number },
  },
}).createMachine({ context: ({ input }) => ({ count: input.from }) })

type Work = (context: { readonly input: { readonly numbers: number[] } }) => Promise<number>

const module = new URL('fixtures/machine.mjs', import.meta.url)

test('events, input, context, output and emitted events are those of the machine', () => {
  const logic = fromWorkerThread<typeof _counter>(module)
  const actor = createActor(logic, { input: { from: 1 } })
  // @ts-expect-error -- the input needs `from`
  createActor(logic, { input: { form: 1 } })
  const typed = (ref: ActorRefFrom<typeof logic>): void => {
    ref.send({ type: 'count', by: 1 })
    // @ts-expect-error -- the machine has no such event
    ref.send({ type: 'cuont', by: 1 })
    ref.on('counted', ({ count }) => count.toFixed())
    const { context, output, value } = ref.getSnapshot()
    context?.count.toFixed()
    output?.toUpperCase()
    // @ts-expect-error -- the context is missing before the first snapshot
    context.count.toFixed()
    expect([context, output, value]).toEqual([undefined, undefined, undefined])
  }
  expect(actor.getSnapshot().phase).toBe('starting')
  expect(typed).toHaveLength(1)
})

test('input and output are those of the function', () => {
  const work = fromWorkerThread<Work>(module)
  const actor = createActor(work, { input: { numbers: [1] } })
  // @ts-expect-error -- the input has other numbers
  createActor(work, { input: { numbers: ['1'] } })
  const { output } = actor.getSnapshot()
  expect(output?.toFixed()).toBeUndefined()
})

test('a child of a supervisor needs the input of the machine', () => {
  const logic = fromWorkerThread<typeof _counter>(module)
  const app = createSupervisor({ id: 'app', children: [{ id: 'a', logic, input: { from: 1 } }] })
  // @ts-expect-error -- the input is missing
  createSupervisor({ id: 'app', children: [{ id: 'a', logic }] })
  expect(app.child('a')?.getSnapshot().context?.count).toBeUndefined()
})
