// The half for browsers, with a stand-in of their Web Workers. `test/browser` runs it in a real browser.
import { expect, test } from '@jest/globals'
import { fromWebWorker, type WebWorkerOptions } from '@terrarium/threads/web'
import { createActor, createMachine, type AnyActorRef, type EventObject } from 'xstate'
import { standIn } from './stand-in.ts'
import { bench, errorOf, expectThreads, fixture, snapshotOf, started, threads } from './support.ts'

interface Shown {
  readonly phase: string
  readonly context?: { readonly count: number }
}

const counted = (count: number) => (shown: Shown) => shown.context?.count === count

/** A logic, and the workers that it has made. */
function web(name = 'machine', options?: WebWorkerOptions) {
  const workers: ReturnType<typeof standIn>[] = []
  const logic = fromWebWorker(() => {
    const worker = standIn(fixture(`web/${name}`))
    workers.push(worker)
    return worker
  }, options)
  return { logic, workers }
}

const temporary = { restart: 'temporary' as const }

test('a machine in a Web Worker is mirrored, is sent events, sends to its parent and emits', async () => {
  const { logic } = web()
  const parent = createActor(
    createMachine({
      context: { told: [] as EventObject[] },
      invoke: { id: 'thread', src: logic, input: { from: 5 } as never },
      on: { told: { actions: ({ context, event }) => context.told.push(event) } },
    }),
  )
  parent.start()
  const ref = parent.getSnapshot().children['thread'] as AnyActorRef
  const emitted: EventObject[] = []
  ref.on('*', (event: EventObject) => emitted.push(event))
  for (const type of ['count', 'tell', 'emit', 'count']) ref.send({ type })
  expect(await snapshotOf<Shown>(ref, counted(7))).toMatchObject({ phase: 'running' })
  expect(parent.getSnapshot().context.told).toEqual([{ type: 'told', count: 6 }])
  expect(emitted).toEqual([{ type: 'counted', count: 6 }])
  parent.stop()
})

test('an endless loop in a Web Worker is killed at its deadline, while its siblings go on', async () => {
  const before = threads()
  const one = web()
  const other = web()
  const it = await started([
    { id: 'looping', logic: one.logic, shutdown: 50 },
    { id: 'sibling', logic: other.logic },
  ])
  it.ref('looping').send({ type: 'loop' })
  const terminated = it.app.terminateChild('looping')
  it.ref('sibling').send({ type: 'count' })
  await snapshotOf<Shown>(it.ref('sibling'), counted(1))
  await terminated
  expect(await it.exit('looping')).toEqual({ type: 'killed' })
  expect([one, other].map(({ workers }) => workers.map(({ isTerminated }) => isTerminated))).toEqual([[true], [false]])
  await it.app.stop()
  expect(await it.exit('sibling')).toEqual({ type: 'shutdown' })
  await expectThreads(before)
})

test.each([
  ['throws', 'pay', { name: 'PaymentError', message: 'the card was refused' }],
  ['throws from a timer', 'throwLater', { name: 'PaymentError', message: 'the card was refused' }],
  ['does not handle a rejection', 'reject', { name: 'RangeError', message: 'rejected' }],
])('a Web Worker that %s has failed, and is ended', async (_, type, expected) => {
  const { logic, workers } = web()
  const it = await started([{ id: 'a', logic, ...temporary }])
  it.ref('a').send({ type })
  expect(errorOf(await it.exit('a'))).toMatchObject(expected)
  expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true])
})

test.each([
  ['cannot be loaded is a configuration failure', 'absent', 'configuration', { code: 'CONFIGURATION' }],
  [
    'fails while it is loaded is judged by its error',
    'throws-at-load',
    'bug',
    { code: 'START_FAILED', cause: { name: 'TypeError', message: 'no such field' } },
  ],
])('a module that %s', async (_, name, kind, error) => {
  const { logic } = web(name)
  const it = bench([{ id: 'a', logic, awaitReady: false }])
  await it.app.start()
  await it.exit('a')
  expect(it.app.children[0]?.failure).toMatchObject({ class: kind, phase: 'start', error })
})

test('a Web Worker that cannot be made is a failure of the start', async () => {
  const logic = fromWebWorker(() => {
    throw Object.assign(new Error('blocked by the policy of the page'), { name: 'SecurityError' })
  })
  const it = bench([{ id: 'a', logic }])
  await expect(it.app.start()).rejects.toMatchObject({
    cause: { code: 'START_FAILED', message: expect.stringMatching(/blocked/) },
  })
})

test('wrong arguments are refused', () => {
  expect(() => fromWebWorker(1 as never, { name: 1, unref: true } as never)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/module must be an address, or a function.*unref is unknown.*name must be/),
    }),
  )
})
