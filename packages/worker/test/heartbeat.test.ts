import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { watchHeartbeat } from '../src/heartbeat.ts'
import { bareSession, encoded, ready, result } from './bare.ts'

/** A session whose worker is the test: it hears pings, and answers when it wants to. */
function watched(interval = 1_000, misses = 3) {
  const clock = new VirtualClock()
  const { session, sent, heard } = bareSession()
  session.receive(ready('slow'))
  const pings = (): number[] => sent.flatMap((frame) => (frame.kind === 'ping' ? frame.nonce : []))
  const pong = (nonce: number): void => {
    session.receive({ kind: 'pong', nonce, running: 0 })
  }
  let silences = 0
  const stop = watchHeartbeat(session, { interval, misses }, clock, () => (silences += 1))
  /** Lets so many intervals pass. */
  const beats = async (count: number): Promise<void> => {
    for (let beat = 0; beat < count; beat++) await clock.advance(interval)
  }
  return { session, clock, heard, pings, pong, beats, stop, silences: () => silences }
}

test('47, F8: a worker that answers is pinged once an interval, each time with another number', async () => {
  const { pings, pong, beats, silences } = watched()
  for (let beat = 1; beat <= 10; beat++) {
    await beats(1)
    expect(pings()).toEqual(Array.from({ length: beat }, (_, index) => index + 1))
    pong(beat)
  }
  expect(silences()).toBe(0)
})

test('I14, 80, F8: a worker that receives and does not answer is silent after as many intervals as it may miss, once', async () => {
  const { pings, beats, clock, silences } = watched()
  await beats(1)
  await beats(2)
  expect(silences()).toBe(0)
  await beats(1)
  expect(silences()).toBe(1)
  // No second ping while the first is not answered, and nothing more once it is given up.
  expect(pings()).toEqual([1])
  await beats(10)
  expect([silences(), clock.pending]).toEqual([1, 0])
})

test('F8: an answer that comes late begins the count anew', async () => {
  const { pings, pong, beats, silences } = watched()
  await beats(3)
  pong(1)
  await beats(3)
  expect([pings(), silences()]).toEqual([[1, 2], 0])
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
  expect(pings()).toEqual([1, 2])
})

test('pings may be answered late and in any order, each once', () => {
  const { session, pong, stop } = watched()
  const heard: number[] = []
  session.on('pong', (nonce) => heard.push(nonce))
  stop()
  for (const nonce of [7, 8, 9]) session.ping(nonce)
  for (const nonce of [9, 7]) pong(nonce)
  expect(heard).toEqual([9, 7])
  expect(() => {
    pong(7)
  }).toThrow('a Pong that was not asked for')
})

test('F8: a worker with a call in flight may be silent for as long as the call takes, and not longer', async () => {
  const { session, beats, silences } = watched()
  let settled = 0
  const id = session.call('slow', encoded(Buffer.alloc(0)), 0, { settled: () => (settled += 1) })
  await beats(40)
  expect(silences()).toBe(0)
  session.receive(result(id, null))
  expect(settled).toBe(1)
  await beats(2)
  expect(silences()).toBe(0)
  await beats(1)
  expect(silences()).toBe(1)
})

test('51, F8: once the watch has been ended there are no pings any more', async () => {
  const { pings, pong, beats, stop, clock } = watched()
  await beats(1)
  pong(1)
  stop()
  await beats(5)
  expect([pings(), clock.pending]).toEqual([[1], 0])
})

test('a worker that sends anything is alive, although its answer has not come', async () => {
  const { heard, beats, silences, pings, pong } = watched()
  await beats(1)
  for (let beat = 0; beat < 10; beat++) {
    heard.bytes += 1
    await beats(1)
  }
  expect([silences(), pings()]).toEqual([0, [1]])
  pong(1)
  await beats(4)
  expect(silences()).toBe(1)
})
