// Restart strategies for dynamic children: the option restartStrategy.
import { describe, expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import type { SupervisorOptions } from '@terrarium/supervisor'
import type { RestartPlan, RestartStrategy } from '@terrarium/supervisor/strategies'
import { bench, child, NO_JITTER, refusal, started, type Bench } from '../support.ts'

const moves = (it: Bench): string[] => it.take('child.exit', 'child.start').map((move) => move.replace('child.', ''))
const states = (it: Bench): string => it.app.children.map(({ id, state }) => `${id} ${state}`).join(', ')

describe.each(['dynamic', 'simple_one_for_one'] as const)('%s', (strategy) => {
  const template = strategy === 'dynamic' ? [] : [child('w')]
  const input = (strategy === 'dynamic' ? child('w') : undefined) as ReturnType<typeof child>

  async function three(options: Partial<SupervisorOptions>): Promise<Bench & { refs: AnyActorRef[] }> {
    const it = await started({ strategy, children: template, ...options })
    const refs: AnyActorRef[] = []
    for (let n = 0; n < 3; n += 1) {
      const ref = await it.app.startChild(input)
      if (ref !== undefined) refs.push(ref)
    }
    await it.clock.advance(10)
    it.take()
    return { ...it, refs }
  }

  test.each(['default', 'otp'] as const)('one_for_all in mode %s brings all back, in order', async (mode) => {
    const it = await three({ restartStrategy: 'one_for_all', mode })
    await it.crash('w:2')
    expect(moves(it)).toEqual(['exit w:2', 'exit w:3', 'exit w:1', 'start w:1', 'start w:2', 'start w:3'])
    expect(it.app.children).toMatchObject([{ incarnation: 2 }, { incarnation: 2 }, { incarnation: 2 }])
    await it.app.stop()
    expect(it.app.children).toEqual([])
  })

  test('a group that is held is known, counted, and addressed by its last refs', async () => {
    const it = await three({ restartStrategy: 'one_for_all', backoff: { ...NO_JITTER, first: 100 } })
    await it.crash('w:2')
    expect(states(it)).toBe('w:1 stopped, w:2 backing_off, w:3 stopped')
    expect(await it.app.countChildren()).toMatchObject({ active: 0, workers: 3 })
    await it.app.terminateChild(it.refs[0] as AnyActorRef)
    expect(states(it)).toBe('w:2 backing_off, w:3 stopped')
    await it.clock.advance(100)
    expect(moves(it).slice(3)).toEqual(['start w:2', 'start w:3'])
    await it.app.stop()
    expect([it.app.children.length, it.clock.pending]).toEqual([0, 0])
  })

  test('a supervisor that ends while a group is held forgets its children', async () => {
    const it = await three({ restartStrategy: 'one_for_all', backoff: { ...NO_JITTER, first: 100 } })
    await it.crash('w:2')
    await it.app.stop()
    expect([it.app.children.length, it.clock.pending]).toEqual([0, 0])
  })

  test('actions: stop forgets a child, park keeps it, delay brings it back', async () => {
    const plan: RestartStrategy = {
      name: 'mixed',
      plan: ({ id }): RestartPlan => ({
        actions: [
          { action: 'park', child: id, for: 100 },
          { action: 'stop', child: 'w:1' },
          { action: 'delay', child: 'w:3', by: 50 },
        ],
      }),
    }
    const it = await three({ restartStrategy: plan })
    await it.crash('w:2')
    expect(states(it)).toBe('w:2 parked, w:3 backing_off')
    await it.clock.advance(50)
    expect(states(it)).toBe('w:2 parked, w:3 running')
    await it.app.unpark(it.refs[1] as AnyActorRef)
    expect(states(it)).toBe('w:2 running, w:3 running')
    await it.app.stop()
    expect(it.clock.pending).toBe(0)
  })

  test('a failed child that is stopped by its plan is forgotten', async () => {
    const plan: RestartStrategy = { name: 'once', plan: ({ id }) => ({ actions: [{ action: 'stop', child: id }] }) }
    const it = await three({ restartStrategy: plan, maxChildren: 3 })
    await it.crash('w:2')
    expect(states(it)).toBe('w:1 running, w:3 running')
    expect(await it.app.startChild(input)).toBeDefined()
    await it.app.stop()
  })

  test('E6: a wrong plan ends the supervisor', async () => {
    const it = await three({ restartStrategy: { name: 'odd', plan: () => ({ restart: ['w'] }) } })
    await it.crash('w:1')
    const details = { unknown: ['w'] }
    expect(it.events.at(-1)).toMatchObject({ reason: { type: 'error', error: { cause: { details } } } })
    expect(it.app.children).toEqual([])
  })

  test('the default is one_for_one', async () => {
    const it = await three({})
    await it.crash('w:2')
    expect(moves(it)).toEqual(['exit w:2', 'start w:2'])
    await it.app.stop()
  })
})

test('dependents among dynamic children, by the ids of their actors', async () => {
  const it = await started({ strategy: 'dynamic', restartStrategy: 'dependents', children: [] })
  const db = await it.app.startChild(child('db'))
  const api = await it.app.startChild(child('api', { dependsOn: [db?.id ?? ''] }))
  await it.app.startChild(child('other'))
  await it.app.startChild(child('web', { dependsOn: [api?.id ?? ''] }))
  expect(await refusal(it.app.startChild(child('x', { dependsOn: ['db'] })))).toBe('invalid_depends_on')
  await it.clock.advance(10)
  moves(it)
  await it.crash('db:1')
  expect(moves(it)).toEqual(['exit db:1', 'exit web:4', 'exit api:2', 'start db:1', 'start api:2', 'start web:4'])
  await it.app.stop()
})

test('restartStrategy is for dynamic children, and is a name or a strategy', () => {
  const mistakes = (options: object): unknown => {
    try {
      bench(options)
    } catch (error) {
      return (error as { details: { mistakes: unknown } }).details.mistakes
    }
    return []
  }
  expect(mistakes({ restartStrategy: 'one_for_all' })).toEqual([
    'restartStrategy is for dynamic children: give the strategy as `strategy`',
  ])
  const names = 'one_for_one, one_for_all, rest_for_one, dependents or an object with name and plan()'
  expect(mistakes({ strategy: 'dynamic', restartStrategy: 'dynamic' })).toEqual([
    `restartStrategy must be ${names}, not 'dynamic'`,
  ])
  expect(mistakes({ strategy: 'dynamic', restartStrategy: { name: 'x' } })).toEqual([
    `restartStrategy must be ${names}, not an object`,
  ])
})
