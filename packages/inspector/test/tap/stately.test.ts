// What an adapter of Stately's is told of events and contexts, on a virtual clock.
import { expect, test } from '@jest/globals'
import { createActor, createMachine } from 'xstate'
import { FLUSH_MS } from '../../src/shared/limits.ts'
import { connectStately, type StatelyMessage } from '../../src/shared/stately.ts'
import { openTap } from '../support.ts'

test('contents of events and contexts are plain data, without secrets', () => {
  const { tap, clock } = openTap()
  const told: StatelyMessage[] = []
  connectStately(tap, { send: (message) => told.push(message) })
  const machine = createMachine({ id: 'light', context: { password: 'x', list: [1, 'a'] }, on: { GO: {} } })
  const actor = createActor(machine, { id: 'light', inspect: tap.inspect }).start()
  actor.send({ type: 'GO', token: 'abc', size: 3 })
  clock.advance(FLUSH_MS)
  actor.stop()
  expect(told.map(({ type }) => type)).toEqual(['@xstate.actor', '@xstate.event', '@xstate.event', '@xstate.snapshot'])
  const [, , go, snapshot] = told
  expect(go).toMatchObject({ event: { type: 'GO', token: 'redacted', size: 3 }, sourceId: undefined })
  expect(snapshot).toMatchObject({ snapshot: { context: { password: 'redacted', list: [1, 'a'] }, status: 'active' } })
})
