import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createMachine, fromPromise, fromTransition, type AnyActorLogic, type AnyActorRef } from 'xstate'
import type { ChildSpec } from '@terrarium/supervisor'
import { oddValues } from '../src/testing/odd-values.ts'
import { bench, child, idle, refusal, type Bench } from './support.ts'

/** What was printed. A test that expects output says so. */
const printed: unknown[][] = []
const { error } = console

beforeEach(() => {
  printed.length = 0
  console.error = (...values: unknown[]): void => void printed.push(values)
})

afterEach(() => {
  console.error = error
  expect(printed).toEqual([])
})

const MODES = { otp: { mode: 'otp', intensity: 100 }, default: { backoff: 'off', breaker: 'off' } } as const

describe.each(oddValues().map(({ name, value }) => [name, value]))('a child that throws %s', (_, value) => {
  const explode = (): never => {
    throw value
  }
  const starts: [string, AnyActorLogic | (() => unknown)][] = [
    ['a start function', explode],
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- anything can be thrown
    ['a promise of a start function', () => Promise.reject(value)],
    ['an entry action', createMachine({ entry: explode })],
    ['a context', createMachine({ context: explode })],
  ]

  test.each(['default', 'otp'] as const)(
    'mode %s: at a start it is START_FAILED, and the supervisor goes on',
    async (mode) => {
      const it = bench({ ...MODES[mode], children: [child('b')] })
      await it.app.start()
      for (const [, logic] of starts) {
        const failure: unknown = await it.app
          .startChild(child('x', { logic: logic as never }))
          .catch((reason: unknown) => reason)
        expect(failure).toMatchObject({ code: 'START_FAILED', details: { supervisor: 'app', child: 'x' } })
        expect((failure as { cause: unknown }).cause).toBe(value)
        const boot = bench({ ...MODES[mode], children: [child('x', { logic: logic as never })] })
        expect(await refusal(boot.app.start())).toBe('START_FAILED')
      }
      expect(it.state('b')).toBe('running')
      await it.app.stop()
    },
  )

  test.each(['default', 'otp'] as const)('mode %s: later it is a failure like others', async (mode) => {
    const it = bench({ ...MODES[mode], children: [child('y', { logic: fromTransition(explode, 0) })] })
    await it.app.start()
    it.ref('y').send({ type: 'go' })
    await it.clock.advance(10)
    expect(it.app.children).toMatchObject([{ id: 'y', state: 'running', incarnation: 2 }])
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- anything can be thrown
    const logic = fromPromise(() => Promise.reject(value))
    await it.app.startChild(child('z', { logic, restart: 'temporary' }))
    await it.clock.advance(10)
    expect(it.app.children).toMatchObject([{ id: 'y', state: 'running' }])
    await it.app.stop()
  })
})

/** An object that throws whenever it is read. */
const hostile = (): never => new Proxy({}, new Proxy({}, { get: () => explode })) as never
const explode = (): never => {
  throw new Error('hands off')
}
/** A specification whose one field throws when it is read. */
const withGetter = (field: keyof ChildSpec): ChildSpec =>
  Object.defineProperty(child('x'), field, { get: explode, enumerable: true })

describe.each(['one_for_one', 'simple_one_for_one', 'dynamic'] as const)(
  '%s: an argument that throws when it is looked at',
  (strategy) => {
    const FIELDS = ['id', 'logic', 'input', 'restart', 'shutdown', 'systemId', 'ready', 'backoff', 'type'] as const
    const operations: [string, (it: Bench, arg: never) => Promise<unknown>][] = [
      ['startChild', (it, arg) => it.app.startChild(arg)],
      ['reconfigure', (it, arg) => it.app.reconfigure(arg)],
      ['terminateChild', (it, arg) => it.app.terminateChild(arg)],
      ['restartChild', (it, arg) => it.app.restartChild(arg)],
      ['deleteChild', (it, arg) => it.app.deleteChild(arg)],
      ['getChildSpec', (it, arg) => it.app.getChildSpec(arg)],
      ['park', (it, arg) => it.app.park(arg)],
      ['unpark', (it, arg) => it.app.unpark(arg)],
    ]

    test.each(operations)('%s: is refused, and nothing else happens', async (name, ask) => {
      const input = fromTransition(
        (state: unknown) => state,
        ({ input }: { input: unknown }) => input,
      )
      const it = bench({ strategy, children: strategy === 'dynamic' ? [] : [child('x', { logic: input, input: {} })] })
      await it.app.start()
      const before = JSON.stringify(it.app.children)
      const args: unknown[] = [Object.create(null), Symbol('odd'), 7n, null, () => undefined]
      if (strategy !== 'simple_one_for_one' || name !== 'startChild') args.push(hostile())
      if (strategy === 'one_for_one' || name === 'startChild') args.push(...FIELDS.map((field) => withGetter(field)))
      // Any value but an object with getters is an input.
      const isInput = strategy === 'simple_one_for_one' && name === 'startChild'
      for (const arg of isInput ? FIELDS.map((field) => withGetter(field)) : args) {
        expect(await refusal(ask(it, arg as never))).toEqual(expect.any(String))
      }
      expect(JSON.stringify(it.app.children)).toBe(before)
      expect(it.app.ref.getSnapshot()).toMatchObject({ status: 'active', phase: 'running' })
      await it.app.stop()
    })
  },
)

test('a start function that returns an object whose getters throw is a start error', async () => {
  const it = bench({ children: [child('b')] })
  await it.app.start()
  for (const made of [hostile(), Promise.resolve(Object.create(null))]) {
    await expect(it.app.startChild(child('x', { logic: () => made }))).rejects.toMatchObject({
      code: 'START_FAILED',
      cause: { code: 'INVALID_ARGUMENT' },
    })
  }
  expect(it.state('b')).toBe('running')
  await it.app.stop()
})

test('a reply function that throws disturbs no other actor', async () => {
  const it = bench({ children: [child('a', { logic: idle })] })
  await it.app.start()
  const call = { type: 'whichChildren' } as const
  it.app.ref.send({ type: 'supervisor.call', call, reply: explode } as never)
  expect(printed.splice(0)).toEqual([['[terrarium] a reply of supervisor app failed:', new Error('hands off')]])
  expect((it.app.children[0]?.ref as AnyActorRef).getSnapshot()).toMatchObject({ status: 'active' })
  await it.app.stop()
})
