import { describe, expect, test } from '@jest/globals'
import { createSupervisor, supervisor, type ChildSpec } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import type { AnyActorRef, Snapshot } from 'xstate'
import { fail, resuming, STABLE, startOf, stepOf, tell, valueOf, wizard } from './resuming.ts'
import { idle, NO_JITTER, started, type Bench } from './support.ts'

class Transient extends Error {
  readonly code = 'ECONNRESET'
}

test('a child is resumed from its newest stable snapshot', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next', 'next')
  await it.clock.advance(STABLE)
  await tell(it, 'next') // not stable yet when the child fails
  await it.clock.advance(STABLE - 1)
  await fail(it)
  expect([stepOf(it), startOf(it)?.resumed]).toEqual([2, true])
})

test('a snapshot is stable once the child has lived `stableAfter` ms after it, and was ready', async () => {
  const it = await started({ children: [resuming({ backoff: { stableAfter: 500, ...NO_JITTER } })] })
  await tell(it, 'next')
  await it.clock.advance(499)
  await fail(it)
  expect([stepOf(it), startOf(it)?.resumed]).toEqual([0, true]) // the snapshot of the start, 10 ms older, is stable
  await tell(it, 'next')
  await it.clock.advance(500)
  await fail(it, new TypeError('another'))
  expect(stepOf(it)).toBe(1)
})

test('a child without a stable snapshot is started from the beginning', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next')
  await it.clock.advance(STABLE - 11) // 10 ms have passed since the start
  await fail(it)
  expect(stepOf(it)).toBe(0)
  expect(startOf(it)).not.toHaveProperty('resumed')
})

test('a snapshot from which the child fails again in the same way, before it is stable, is dropped', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next', 'spoil')
  await it.clock.advance(STABLE)
  await tell(it, 'next')
  await it.clock.advance(2_000)
  expect([stepOf(it), startOf(it)?.resumed, it.state('a')]).toEqual([1, true, 'running'])
  it.take()
  await tell(it, 'next')
  await it.clock.advance(2_000)
  expect(it.take('child.exit', 'child.resume_dropped', 'child.start')).toEqual([
    'child.exit a',
    'child.resume_dropped a',
    'child.start a',
  ])
  expect(it.events.find(({ type }) => type === 'child.resume_dropped')).toMatchObject({
    supervisor: 'app',
    incarnation: 2,
    failure: { attempts: 2, error: { message: 'the step cannot be taken' } },
  })
  expect(stepOf(it)).toBe(0)
  expect(startOf(it)).not.toHaveProperty('resumed')
  await tell(it, 'next')
  expect(stepOf(it)).toBe(1)
})

test('failures that take turns are the same failure; another failure is none', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next')
  await it.clock.advance(STABLE)
  const [one, other] = [(): Error => new Error('one'), (): Error => new TypeError('other')]
  await fail(it, one())
  await fail(it, other())
  expect([stepOf(it), startOf(it)?.resumed]).toEqual([1, true])
  await fail(it, one())
  expect(stepOf(it)).toBe(0)
})

test('the same failure after a stable life drops nothing', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next')
  for (let round = 0; round < 3; round += 1) {
    await it.clock.advance(STABLE)
    await fail(it)
    expect([stepOf(it), startOf(it)?.resumed]).toEqual([1, true])
  }
  expect(it.take('child.resume_dropped')).toEqual([])
})

test('a failure from outside, of class transient or overload, says nothing about the snapshot', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next')
  await it.clock.advance(STABLE)
  for (let round = 0; round < 3; round += 1) {
    await fail(it, new Transient('reset'))
    expect([stepOf(it), startOf(it)?.resumed]).toEqual([1, true])
  }
})

test('a child that was killed is resumed; a permanent child that ended cleanly is not', async () => {
  const it = await started({ children: [resuming()] })
  await tell(it, 'next')
  await it.clock.advance(STABLE)
  exit(it.ref('a'), { type: 'killed' })
  await it.clock.advance(2_000)
  expect([stepOf(it), startOf(it)?.resumed]).toEqual([1, true])
  await it.clock.advance(STABLE)
  await tell(it, 'end')
  await it.clock.advance(2_000)
  expect([stepOf(it), startOf(it)?.resumed]).toEqual([0, undefined])
})

test('what an operation starts again begins anew, and so does a sibling that is restarted with a failed child', async () => {
  const restart = async (it: Bench, how: () => Promise<unknown>): Promise<void> => {
    await tell(it, 'next')
    await it.clock.advance(STABLE)
    await how()
    await it.clock.advance(2_000)
    expect([stepOf(it), startOf(it)?.resumed, it.state('a')]).toEqual([0, undefined, 'running'])
  }
  const it = await started({ children: [resuming()] })
  await restart(it, async () => {
    await it.app.terminateChild('a')
    await it.app.restartChild('a')
  })
  const slow = await started({ children: [resuming({ backoff: { first: 500 } })] })
  await restart(slow, async () => {
    slow.ref('a').send({ type: 'fail' })
    await slow.app.reconfigure(resuming({ startTimeout: 1_000 }))
  })
  const group = await started({ strategy: 'one_for_all', children: [resuming(), resuming({ id: 'b' })] })
  await restart(group, () => {
    group.ref('b').send({ type: 'fail' })
    return Promise.resolve()
  })
  const resumed = group.events.filter((event) => event.type === 'child.start' && event.resumed === true)
  expect(resumed).toMatchObject([{ id: 'b' }])
})

test('delays of the state begin anew, invoked actors go on, and refs in the context are alive, each time', async () => {
  const it = await started({ children: [resuming({ backoff: { stableAfter: 500, ...NO_JITTER } })] })
  await tell(it, 'next', 'wait')
  for (const error of ['one', 'two', 'three']) {
    await it.clock.advance(900)
    expect(valueOf(it)).toBe('waiting')
    it.ref('a').send({ type: 'fail', error: new Error(error) })
    await it.clock.advance(0)
    expect([it.state('a'), startOf(it)?.resumed]).toEqual(['running', true])
    await tell(it, 'tick')
    const shown = it.ref('a').getSnapshot() as { context: { step: number }; children: Record<string, AnyActorRef> }
    expect(shown.context.step).toBe(2)
    expect(Object.values(shown.children).map((each) => (each.getSnapshot() as Snapshot<unknown>).status)).toEqual([
      'active',
      'active',
    ])
    it.ref('a').send({ type: 'fail', error: new Error(`again ${error}`) })
    await it.clock.advance(0)
  }
  await it.clock.advance(200) // the delay of the restart
  await it.clock.advance(999)
  expect(valueOf(it)).toBe('waiting')
  await it.clock.advance(1)
  expect(valueOf(it)).toBe('open')
})

describe('a function', () => {
  const seen: unknown[] = []
  const asking = (answer: (snapshot: Snapshot<unknown>) => unknown): ChildSpec =>
    resuming({
      resume: (snapshot, failure) => {
        seen.push([(snapshot as unknown as { context: object }).context, failure?.error])
        return answer(snapshot) as Snapshot<unknown> | undefined
      },
    })

  test('is given the last snapshot before the failure, and the failure; its answer counts', async () => {
    seen.length = 0
    const it = await started({
      children: [asking((snapshot) => ({ ...snapshot, context: { step: 7, isSpoilt: false } }))],
    })
    await tell(it, 'next', 'next')
    const error = new Error('boom')
    await fail(it, error)
    expect(seen).toEqual([[expect.objectContaining({ step: 2, isSpoilt: false }), error]])
    expect([stepOf(it), startOf(it)?.resumed]).toEqual([7, true])
    // The child fails in the same way from there, so the function is not asked.
    await fail(it, new Error('boom'))
    expect(seen).toHaveLength(1)
    expect([stepOf(it), startOf(it)?.resumed]).toEqual([0, undefined])
    await fail(it, new Error('boom'))
    expect(seen).toHaveLength(2)
  })

  test.each<[string, () => unknown, RegExp | undefined]>([
    ['returns undefined', () => undefined, undefined],
    [
      'throws',
      () => {
        throw new RangeError('odd')
      },
      /RangeError: odd/,
    ],
    ['returns a promise', () => Promise.reject(new Error('late')), /must answer at once/],
    ['returns nonsense', () => 7, /must answer with a snapshot whose status is active.*not 7/],
    ['returns the snapshot of an actor that is over', () => ({ status: 'done' }), /status is active/],
  ])('that %s starts the child from the beginning', async (_, answer, fault) => {
    const faults: unknown[] = []
    const it = await started({
      children: [asking(answer)],
      onFault: (what, error) => faults.push(`${what}: ${String(error)}`),
    })
    await tell(it, 'next')
    await fail(it)
    expect([stepOf(it), startOf(it)?.resumed, it.state('a')]).toEqual([0, undefined, 'running'])
    await fail(it)
    const once = fault === undefined ? [] : [expect.stringMatching(fault)]
    expect(faults).toEqual(once)
    if (fault !== undefined) expect(faults[0]).toMatch(/^`resume` of supervisor app failed/)
  })

  test('whose answer cannot be restored: the snapshot is dropped, and the child started from the beginning', async () => {
    const it = await started({ children: [asking((snapshot) => ({ ...snapshot, value: 'nowhere' }))] })
    await fail(it)
    expect([stepOf(it), it.state('a')]).toEqual([0, 'running'])
    expect(it.take('child.start', 'child.resume_dropped', 'child.exit')).toEqual([
      'child.exit a',
      'child.start a',
      'child.exit a',
      'child.resume_dropped a',
      'child.start a',
    ])
  })
})

test('the children of a nested supervisor that is started again after it gave up begin anew', async () => {
  const nested = (): ChildSpec => ({
    id: 'sub',
    logic: supervisor({ id: 'sub', intensity: 0, backoff: { first: 0 }, children: [resuming({ id: 'x' })] }),
  })
  const leaf = (it: Bench): AnyActorRef =>
    (it.ref('sub').getSnapshot() as { child: (id: string) => { ref: AnyActorRef } }).child('x').ref
  const step = (it: Bench): unknown => (leaf(it).getSnapshot() as { context: { step: number } }).context.step
  const it = await started({ children: [nested()] })
  leaf(it).send({ type: 'next' })
  await it.clock.advance(STABLE)
  leaf(it).send({ type: 'fail' }) // more than its supervisor bears
  await it.clock.advance(2_000)
  expect([it.app.children[0]?.incarnation, step(it)]).toEqual([2, 0])
})

test('without `resume` no snapshot is taken, and none is persisted', async () => {
  let taken = 0
  const counted = Object.assign(Object.create(idle) as typeof idle, {
    getPersistedSnapshot: (snapshot: never) => {
      taken += 1
      return idle.getPersistedSnapshot(snapshot)
    },
  })
  const count = async (more: Partial<ChildSpec>): Promise<number> => {
    taken = 0
    const it = await started({ children: [resuming({ logic: counted, ...more })] })
    await tell(it, 'a', 'b')
    expect('resume' in (it.app.ref.getPersistedSnapshot() as unknown as { memory: object }).memory).toBe(false)
    return taken
  }
  expect(await count({ resume: undefined } as never)).toBe(0)
  expect(await count({})).toBe(3)
})

test('an actor that cannot be persisted is reported, and started from the beginning', async () => {
  const faults: string[] = []
  const unwilling = Object.assign(Object.create(wizard) as typeof wizard, {
    getPersistedSnapshot: () => {
      throw new Error('not this one')
    },
  })
  const onFault = (what: string): void => void faults.push(what)
  const it = await started({ children: [resuming({ logic: unwilling })], onFault })
  await tell(it, 'next', 'next')
  await it.clock.advance(STABLE)
  await fail(it)
  expect([stepOf(it), startOf(it)?.resumed]).toEqual([0, undefined])
  expect(faults).toEqual(['`getPersistedSnapshot` of supervisor app failed'])
})

test.each<[string, Partial<ChildSpec>, 'default' | 'otp', RegExp]>([
  ['another word', { resume: 'last' as never }, 'default', /resume must be 'last-stable' or a function, not 'last'/],
  ['a supervisor', { logic: supervisor({ id: 'x' }) }, 'default', /resume is not for a supervisor/],
  ['a temporary child', { restart: 'temporary' }, 'default', /resume is not for a temporary child/],
  ['mode otp', {}, 'otp', /resume does not exist in mode otp/],
])('resume is refused: %s', (_, more, mode, message) => {
  const clock = new VirtualClock()
  expect(() => createSupervisor({ id: 'app', mode, clock, children: [resuming(more)] })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
  )
})
