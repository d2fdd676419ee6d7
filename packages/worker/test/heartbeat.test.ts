import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import type { SessionResponse } from '../src/generated/terrarium/v1/session.ts'
import { watchHeartbeat } from '../src/heartbeat.ts'
import { Session } from '../src/session.ts'

/** A session whose worker is the test: it hears pings, and answers when it wants to. */
function watched(interval = 1_000, misses = 3) {
  const clock = new VirtualClock()
  const pings: number[] = []
  let sent = 0
  let seq = 0
  const write = ({ seq: number, frames }: SessionResponse): void => {
    sent = Math.max(sent, number)
    for (const { kind } of frames) if (kind?.$case === 'ping') pings.push(kind.value.nonce)
  }
  const session = new Session({ write, end: () => undefined }, 4711)
  const acknowledge = (): void => {
    session.receive({ seq: 0, ack: sent, frames: [] })
  }
  const pong = (nonce: number): void => {
    session.receive({ seq: (seq += 1), ack: sent, frames: [{ kind: { $case: 'pong', value: { nonce, running: 0 } } }] })
  }
  let silences = 0
  const stop = watchHeartbeat(session, { interval, misses }, clock, () => (silences += 1))
  /** Lets so many intervals pass, each with its frames. */
  const beats = async (count: number): Promise<void> => {
    for (let beat = 0; beat < count; beat++) {
      await clock.advance(interval)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { session, clock, pings, acknowledge, pong, beats, stop, silences: () => silences }
}

test('F8: a worker that answers is pinged once an interval, each time with another number', async () => {
  const { pings, pong, beats, silences } = watched()
  for (let beat = 1; beat <= 10; beat++) {
    await beats(1)
    expect(pings).toEqual(Array.from({ length: beat }, (_, index) => index + 1))
    pong(beat)
  }
  expect(silences()).toBe(0)
})

test('F8: a worker that receives and does not answer is silent after as many intervals as it may miss, once', async () => {
  const { pings, acknowledge, beats, clock, silences } = watched()
  await beats(1)
  acknowledge()
  await beats(2)
  expect(silences()).toBe(0)
  await beats(1)
  expect(silences()).toBe(1)
  // No second ping while the first is not answered, and nothing more once it is given up.
  expect(pings).toEqual([1])
  await beats(10)
  expect([silences(), clock.pending]).toEqual([1, 0])
})

test('F8: an answer that comes late begins the count anew', async () => {
  const { pings, pong, beats, silences } = watched()
  await beats(3)
  pong(1)
  await beats(3)
  expect([pings, silences()]).toEqual([[1, 2], 0])
  await beats(1)
  expect(silences()).toBe(1)
})

test('F8: a second answer to a ping is none, and breaks the protocol', async () => {
  const { pong, beats, pings } = watched()
  await beats(1)
  pong(1)
  await beats(1)
  expect(() => {
    pong(1)
  }).toThrow('a Pong that was not asked for')
  await beats(2)
  expect(pings).toEqual([1, 2])
})

test('pings may be answered late and in any order, each once', async () => {
  const { session, pong, stop } = watched()
  const heard: number[] = []
  session.on('pong', (nonce) => heard.push(nonce))
  stop()
  for (const nonce of [7, 8, 9]) session.ping(nonce)
  await new Promise((resolve) => setImmediate(resolve))
  for (const nonce of [9, 7]) {
    pong(nonce)
    await new Promise((resolve) => setImmediate(resolve)) // what was received is acknowledged
  }
  expect(heard).toEqual([9, 7])
  expect(() => {
    pong(7)
  }).toThrow('a Pong that was not asked for')
})

test('F8: a worker with a call in flight may be silent for as long as the call takes, and not longer', async () => {
  const { session, beats, acknowledge, silences } = watched()
  let settled = 0
  const id = session.call('slow', Buffer.alloc(0), 0, () => (settled += 1))
  await beats(20)
  acknowledge()
  await beats(20)
  expect(silences()).toBe(0)
  const value = { id, value: Buffer.from([0xc0]) }
  session.receive({ seq: 1, ack: 1, frames: [{ kind: { $case: 'result', value } }] })
  expect(settled).toBe(1)
  await beats(2)
  expect(silences()).toBe(0)
  await beats(1)
  expect(silences()).toBe(1)
})

test('F8: once the watch has been ended there are no pings any more', async () => {
  const { pings, pong, beats, stop, clock } = watched()
  await beats(1)
  pong(1)
  stop()
  await beats(5)
  expect([pings, clock.pending]).toEqual([[1], 0])
})
