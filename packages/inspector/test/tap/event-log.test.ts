// The contents of events: written while there is time, and counted where there was none.
import { expect, test } from '@jest/globals'
import { EventLog } from '../../src/shared/event-log.ts'
import { PAYLOAD_MS, TRACE_MS } from '../../src/shared/limits.ts'

test('events whose contents there was no time for are counted; events without contents are not', () => {
  let now = 0
  const log = new EventLog({ now: () => now++, after: () => () => undefined }, undefined)
  for (let n = 0; n < 20; n += 1) log.add('', 'a', { type: 'ADD', n } as { type: string }, true)
  log.add('', 'a', { type: 'BARE' }, true)
  const events = log.flush()
  const kept = events.filter((event) => event.length > 5)
  expect(kept.length).toBeGreaterThan(0)
  expect(kept.length).toBeLessThan(PAYLOAD_MS + 1)
  expect(log.leftContents).toBe(20 - kept.length)
  expect([events.length, log.left]).toEqual([21, 0])
})

test('a trace, for which there is more time, has the contents that a flush would leave out', () => {
  let now = 0
  const log = new EventLog({ now: () => now++, after: () => () => undefined }, undefined)
  for (let n = 0; n < 20; n += 1) log.add('', 'a', { type: 'ADD', n } as { type: string }, true)
  expect(log.flush(TRACE_MS).filter((event) => event.length > 5).length).toBe(20)
  expect(log.leftContents).toBe(0)
})
