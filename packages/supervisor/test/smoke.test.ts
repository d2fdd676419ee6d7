import { expect, test } from '@jest/globals'
import { bench, child, slow } from './support.ts'

test('starts, restarts, backs off, parks, stops', async () => {
  const { app, clock, take, crash, state } = bench({ children: [child('a'), child('b')] })
  await app.start()
  expect(take()).toEqual(['child.start a', 'child.ready a', 'child.start b', 'child.ready b'])
  await clock.advance(5)
  await crash('a')
  expect(take()).toEqual(['child.exit a', 'child.restart a', 'child.start a', 'child.ready a'])
  await clock.advance(5)
  await crash('a')
  expect(take()).toEqual(['child.exit a', 'child.backoff a'])
  expect(state('a')).toBe('backing_off')
  await clock.advance(200)
  expect(state('a')).toBe('running')
  take()
  await app.stop()
  expect(take()).toEqual(['child.exit b', 'child.exit a', 'supervisor.exit'])
  expect(clock.pending).toBe(0)
})

test('a configuration failure parks', async () => {
  const { app, take, crash, state } = bench({ children: [slow('a', { awaitReady: false })] })
  await app.start()
  await crash('a', Object.assign(new Error('no module'), { code: 'CONFIGURATION' }))
  expect(take()).toEqual(['child.start a', 'child.exit a', 'child.parked a'])
  expect(state('a')).toBe('parked')
  await app.unpark('a')
  expect(state('a')).toBe('starting')
  await app.stop()
})
