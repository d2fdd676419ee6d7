import { expect, test } from '@jest/globals'
import { createSupervisor, supervisor, type ChildSpec, type Supervisor } from '@terrarium/supervisor'
import {
  assertEveryChildReady,
  assertNothingRestarted,
  faultsOf,
  matchers,
  VirtualClock,
  type SupervisorMatchers,
} from '@terrarium/supervisor/testing'
import { createActor } from 'xstate'
import { counter, db, nested } from './support.ts'

expect.extend(matchers)

/** In a project of npm, a declaration adds the matchers to the types, see docs/testing.md. */
const claim = (subject: unknown): SupervisorMatchers<void> & { readonly not: SupervisorMatchers<void> } =>
  expect(subject) as never

const appOf = (children: readonly ChildSpec[], clock = new VirtualClock()): Supervisor =>
  createSupervisor({ id: 'app', clock, random: () => 0.5, children })

test('every child is ready: nested ones too, and only while the app runs', async () => {
  const app = appOf(nested())
  expect(() => {
    claim(app).toHaveEveryChildReady()
  }).toThrow('expected every child of app to be ready:\n  - app is idle')
  await app.start()
  claim(app).toHaveEveryChildReady()
  claim(app.ref).toHaveEveryChildReady()
  assertEveryChildReady(app)
  expect(() => {
    claim(app).not.toHaveEveryChildReady()
  }).toThrow('expected not: every child of app to be ready')
  await app.stop()
  claim(app).not.toHaveEveryChildReady()
})

test('a child that is not ready is named with its path, its state and its failure', async () => {
  const clock = new VirtualClock()
  const app = appOf([{ ...db, awaitReady: false }, ...nested()], clock)
  await app.start()
  const wrong = (): string[] => {
    try {
      assertEveryChildReady(app)
      return []
    } catch (error) {
      return (error as Error).message.split('\n').slice(1)
    }
  }
  expect(wrong()).toEqual(['  - db is starting'])
  await clock.advance(100)
  expect(wrong()).toEqual([])
  faultsOf(app).failStarts('jobs/mailer', { times: Infinity, error: new Error('no server') })
  faultsOf(app).crash('jobs/mailer', new Error('gone'))
  await clock.advance(1)
  expect(wrong()).toEqual(['  - jobs/mailer is backing off: no server'])
  await clock.advance(3_600_000)
  expect(wrong()).toEqual(['  - jobs/mailer is parked: no server'])
  await app.stop()
})

test('nothing restarted: no child was started twice, nested ones neither', async () => {
  const clock = new VirtualClock()
  const app = appOf(nested(), clock)
  await app.start()
  claim(app).toHaveRestartedNothing()
  assertNothingRestarted(app)
  faultsOf(app).crash('jobs/mailer', new Error('gone'))
  await clock.advance(60_000)
  claim(app).toHaveEveryChildReady()
  const found = 'expected app to have restarted nothing:\n  - jobs/mailer was started 2 times'
  expect(() => {
    claim(app).toHaveRestartedNothing()
  }).toThrow(found)
  expect(() => {
    assertNothingRestarted(app)
  }).toThrow(found)
  await app.stop()
})

test('what is no supervisor is refused, so that no claim holds by mistake', () => {
  for (const subject of [undefined, {}, createActor(counter), supervisor({ id: 'logic', children: [] })]) {
    expect(() => {
      claim(subject).not.toHaveEveryChildReady()
    }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  }
})
