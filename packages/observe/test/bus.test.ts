// The bus: numbers, causes, the ring, and listeners that do harm.
import { expect, test } from '@jest/globals'
import { Bus, RING } from '../src/bus.ts'

const busOf = (faults: unknown[] = []): Bus => {
  let now = 0
  return new Bus(
    () => ++now,
    (_, error) => faults.push(error),
  )
}

const unpark = (bus: Bus, actor: string, incident?: string): void => {
  bus.publish({ type: 'worker.unparked', actor, text: 'not parked any more', facts: {}, incident })
}

test('events are numbered from 1, and the last 2,000 are kept', () => {
  const bus = busOf()
  for (let n = 1; n <= RING + 5; n += 1) unpark(bus, `text/worker-${n}`)
  const kept = bus.after(0)
  expect(kept.map(({ n }) => n)).toEqual(Array.from({ length: RING }, (_, index) => index + 6))
  expect(kept.at(-1)).toEqual({
    n: RING + 5,
    at: RING + 5,
    type: 'worker.unparked',
    actor: `text/worker-${RING + 5}`,
    text: 'not parked any more',
    facts: {},
  })
  expect(bus.after(RING + 3).map(({ n }) => n)).toEqual([RING + 4, RING + 5])
  expect(bus.after(0, 2).map(({ n }) => n)).toEqual([RING + 4, RING + 5])
  expect(bus.after(RING + 5)).toEqual([])
})

test('the first event of an incident is the cause of all others of it', () => {
  const bus = busOf()
  unpark(bus, 'a', 'i')
  unpark(bus, 'b', 'other')
  unpark(bus, 'c', 'i')
  unpark(bus, 'd')
  expect(bus.after(0).map(({ incident, because }) => [incident, because])).toEqual([
    ['i', undefined],
    ['other', undefined],
    ['i', 1],
    [undefined, undefined],
  ])
})

test('a listener that throws or rejects is reported, and disturbs neither the next nor the publisher', async () => {
  const faults: unknown[] = []
  const bus = busOf(faults)
  const told: number[] = []
  bus.listen(() => {
    throw new Error('thrown')
  })
  const rejecting = (): unknown => Promise.reject(new Error('rejected'))
  bus.listen(rejecting)
  const stop = bus.listen(({ n }) => told.push(n))
  unpark(bus, 'a')
  await Promise.resolve()
  stop()
  unpark(bus, 'a')
  await Promise.resolve()
  expect(told).toEqual([1])
  expect(faults).toEqual([new Error('thrown'), new Error('rejected'), new Error('thrown'), new Error('rejected')])
})

test('a text is cut at 300 characters', () => {
  const bus = busOf()
  bus.publish({ type: 'worker.unparked', actor: 'a', text: 'x'.repeat(400), facts: {} })
  expect(bus.after(0)[0]?.text).toBe(`${'x'.repeat(299)}…`)
})
