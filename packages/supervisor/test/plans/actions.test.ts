// The actions of a plan: what each does to the failed child and to its siblings, and in which order.
import { describe, expect, test } from '@jest/globals'
import type { ChildSpec, SupervisorOptions } from '@terrarium/supervisor'
import type { PlanAction, RestartContext, RestartStrategy } from '@terrarium/supervisor/strategies'
import { child, idle, NO_JITTER, NOON, refusal, slow, started, type Bench } from '../support.ts'

const moves = (it: Bench): string[] =>
  it.take('child.exit', 'child.start', 'child.parked').map((move) => move.replace('child.', ''))
const states = (it: Bench): string => it.app.children.map(({ id, state }) => `${id} ${state}`).join(', ')
const coded = (code: string): Error => Object.assign(new Error(code), { code })

/** A strategy with an answer for each child; the last answer of a list is repeated. */
function answering(
  plans: Readonly<Record<string, readonly (readonly PlanAction[])[]>>,
  asked: RestartContext[] = [],
): RestartStrategy {
  const calls = new Map<string, number>()
  return {
    name: 'scripted',
    plan: ({ id }, _, context) => {
      asked.push(context)
      const call = calls.get(id) ?? 0
      calls.set(id, call + 1)
      const list = plans[id] ?? []
      return { actions: list[Math.min(call, list.length - 1)] ?? [{ action: 'restart', child: id }] }
    },
  }
}

const ABCD = ['a', 'b', 'c', 'd'].map((id) => child(id))

function planned(actions: readonly PlanAction[], more: Partial<SupervisorOptions> = {}): Promise<Bench> {
  const failed = actions.find(({ child: id }) => id === 'a') === undefined ? (actions[0]?.child ?? 'a') : 'a'
  return started({ strategy: answering({ [failed]: [actions] }), children: ABCD, ...more })
}

describe('order', () => {
  test('children are stopped in the reverse of the list and started in its order, whatever the start order', async () => {
    const it = await planned([
      { action: 'restart', child: 'c' },
      { action: 'restart', child: 'a' },
      { action: 'restart', child: 'b' },
    ])
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'exit b', 'exit c', 'start c', 'start a', 'start b'])
    expect(states(it)).toBe('a running, b running, c running, d running')
    await it.app.stop()
  })

  test('each is ready before the next starts', async () => {
    const strategy = answering({
      a: [
        [
          { action: 'restart', child: 'b' },
          { action: 'restart', child: 'a' },
        ],
      ],
    })
    const it = await started({ strategy, children: [child('a'), slow('b', { awaitReady: false })] })
    await it.send('b', { type: 'ready' })
    await it.crash('a')
    expect(it.state('b')).toBe('starting')
    await it.app.stop()
    const waiting = await started({ strategy, children: [child('a'), child('b')] })
    await waiting.crash('a')
    expect(moves(waiting)).toEqual(['exit a', 'exit b', 'start b', 'start a'])
    await waiting.app.stop()
  })

  test('after the delay of the failed child the others come back with it', async () => {
    const it = await planned(
      [
        { action: 'restart', child: 'b' },
        { action: 'restart', child: 'a' },
      ],
      { backoff: { ...NO_JITTER, first: 100 } },
    )
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'exit b'])
    expect(states(it)).toBe('a backing_off, b stopped, c running, d running')
    await it.clock.advance(99)
    expect(moves(it)).toEqual([])
    await it.clock.advance(1)
    expect(moves(it)).toEqual(['start b', 'start a'])
    await it.app.stop()
  })
})

describe('delay', () => {
  test('children with the same delay form one group, which starts in the order of the list', async () => {
    const it = await planned([
      { action: 'delay', child: 'd', by: 50 },
      { action: 'delay', child: 'a', by: 50 },
      { action: 'delay', child: 'c', by: 200 },
      { action: 'delay', child: 'b', by: 50 },
    ])
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'exit b', 'exit c', 'exit d'])
    await it.clock.advance(49)
    expect(moves(it)).toEqual([])
    await it.clock.advance(1)
    expect(moves(it)).toEqual(['start d', 'start a', 'start b'])
    await it.clock.advance(149)
    expect(moves(it)).toEqual([])
    await it.clock.advance(1)
    expect(moves(it)).toEqual(['start c'])
    expect(it.clock.pending).toBe(0)
    await it.app.stop()
  })

  test('counts from the failure, not from the end of the stops', async () => {
    const it = await started({
      strategy: answering({
        a: [
          [
            { action: 'restart', child: 'a' },
            { action: 'delay', child: 'b', by: 100 },
          ],
        ],
      }),
      children: [child('a'), child('b', { logic: () => idle })],
    })
    await it.crash('a')
    expect(it.app.children[1]).toMatchObject({ state: 'backing_off', until: it.clock.now() + 100 })
    await it.app.stop()
  })

  test('takes the place of the backoff, and the next backoff knows it', async () => {
    const previous: number[] = []
    const it = await started({
      strategy: answering({ a: [[{ action: 'delay', child: 'a', by: 700 }], [{ action: 'restart', child: 'a' }]] }),
      backoff: { delay: (input) => previous.push(input.previous) * 1_000 },
      children: [child('a')],
    })
    await it.crash('a')
    expect(it.app.children[0]?.until).toBe(it.clock.now() + 700)
    await it.clock.advance(700)
    await it.crash('a')
    expect(previous).toEqual([0, 700])
    await it.app.stop()
  })

  test('of 0 ms is a restart at once, and counts as one', async () => {
    const it = await planned([{ action: 'delay', child: 'a', by: 0 }], { intensity: 2, backoff: 'off' })
    for (let failure = 0; failure < 2; failure += 1) {
      await it.crash('a')
      await it.clock.advance(10)
      expect(it.state('a')).toBe('running')
    }
    await it.crash('a')
    expect(it.events.at(-1)).toMatchObject({ reason: { error: { details: { exceeded: 'restart intensity' } } } })
  })
})

describe('stop', () => {
  test('leaves a child down until an operation starts it', async () => {
    const it = await planned([
      { action: 'stop', child: 'b' },
      { action: 'stop', child: 'a' },
    ])
    await it.crash('a')
    await it.clock.advance(3_600_000)
    expect(states(it)).toBe('a stopped, b stopped, c running, d running')
    expect(it.clock.pending).toBe(0)
    await it.app.restartChild('a')
    await it.app.restartChild('b')
    expect(states(it)).toBe('a running, b running, c running, d running')
    await it.app.stop()
  })

  test('of the failed child leaves the others to be started at once', async () => {
    const it = await planned([
      { action: 'stop', child: 'a' },
      { action: 'restart', child: 'c' },
      { action: 'restart', child: 'b' },
    ])
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'exit b', 'exit c', 'start c', 'start b'])
    await it.app.stop()
  })

  test('of a significant child is its end', async () => {
    const it = await started({
      strategy: answering({ a: [[{ action: 'stop', child: 'a' }]] }),
      autoShutdown: 'any_significant',
      children: [child('a', { restart: 'transient', significant: true }), child('b')],
    })
    await it.crash('a')
    expect(it.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
  })
})

describe('park', () => {
  test('without a time is latched: only unpark() starts the child', async () => {
    const it = await planned([{ action: 'park', child: 'a', because: 'not today' }])
    await it.crash('a')
    await it.clock.advance(3_600_000)
    expect([it.state('a'), it.clock.pending]).toEqual(['parked', 0])
    expect(it.events.find(({ type }) => type === 'child.parked')).toMatchObject({
      cause: 'strategy',
      failure: { attempts: 1 },
      because: { child: 'a', plan: { strategy: 'scripted', action: 'park', because: 'not today' } },
    })
    await it.app.unpark('a')
    expect(it.state('a')).toBe('running')
    await it.app.stop()
  })

  test('for a time starts the child then; a sibling too', async () => {
    const it = await planned([
      { action: 'park', child: 'b', for: 300 },
      { action: 'park', child: 'a', for: 100 },
    ])
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'parked a', 'exit b', 'parked b'])
    await it.clock.advance(100)
    expect(states(it)).toBe('a running, b parked, c running, d running')
    await it.clock.advance(200)
    expect(it.take('child.unparked')).toEqual(['child.unparked a', 'child.unparked b'])
    await it.app.stop()
  })

  test('a probe of the strategy’s own that fails is put to the strategy again, without the breaker', async () => {
    const asked: RestartContext[] = []
    let starts = 0
    const logic = (): typeof idle => {
      starts += 1
      if (starts === 2) throw new Error('not yet')
      return idle
    }
    const plans = { a: [[{ action: 'park', child: 'a', for: 100 }], [{ action: 'restart', child: 'a' }]] } as const
    const it = await started({
      strategy: answering(plans, asked),
      breaker: 'off',
      children: [child('a', { logic, awaitReady: false })],
    })
    it.ref('a').send({ type: 'x' })
    const { exit } = await import('@terrarium/supervisor/otp')
    exit(it.ref('a'), { type: 'killed' })
    await it.clock.advance(100)
    expect(asked.map(({ phase, proposal }) => [phase, proposal.action])).toEqual([
      ['run', 'restart'],
      ['start', 'restart'],
    ])
    await it.clock.advance(1_000)
    expect(it.state('a')).toBe('running')
    await it.app.stop()
  })
})

describe('escalate', () => {
  test('ends the supervisor with the failure as the cause, children in order', async () => {
    const it = await planned([{ action: 'escalate', child: 'a', because: 'nothing helps' }])
    const boom = new Error('boom')
    await it.crash('a', boom)
    expect(moves(it)).toEqual(['exit a', 'exit d', 'exit c', 'exit b'])
    expect(it.events.at(-1)).toMatchObject({
      reason: {
        error: { code: 'STOPPED', message: 'supervisor app gave up: strategy scripted of child a', cause: boom },
      },
    })
    expect(it.clock.pending).toBe(0)
  })

  test('follows giveUpWith', async () => {
    const it = await planned([{ action: 'escalate', child: 'a' }], { giveUpWith: 'shutdown' })
    await it.crash('a')
    expect(it.events.at(-1)).toMatchObject({ reason: { type: 'shutdown' } })
  })
})

describe('breaker', () => {
  test('a child that the breaker parks is not restarted; the rest of the plan happens', async () => {
    const it = await started({
      strategy: answering({
        a: [
          [
            { action: 'restart', child: 'a' },
            { action: 'stop', child: 'b' },
            { action: 'restart', child: 'c' },
          ],
        ],
      }),
      backoff: { maxAttempts: 0 },
      children: ABCD,
    })
    await it.crash('a')
    expect(states(it)).toBe('a parked, b stopped, c running, d running')
    expect(it.events.find(({ type }) => type === 'child.parked')).toMatchObject({ cause: 'exhausted' })
    expect(moves(it)).toEqual(['exit a', 'parked a', 'exit c', 'exit b', 'start c'])
    await it.app.stop()
  })

  test('with onExhausted escalate it ends the supervisor all the same, unless the plan parks or stops the child', async () => {
    for (const [action, ended] of [
      ['restart', true],
      ['park', false],
      ['stop', false],
    ] as const) {
      const asked: RestartContext[] = []
      const it = await started({
        strategy: answering({ a: [[{ action, child: 'a' }]] }, asked),
        backoff: { maxAttempts: 0 },
        children: [child('a', { onExhausted: 'escalate' }), child('b')],
      })
      await it.crash('a')
      expect(asked[0]?.proposal).toEqual({ action: 'escalate', cause: 'exhausted' })
      expect(it.app.ref.getSnapshot().status).toBe(ended ? 'error' : 'active')
      await it.app.stop()
    }
  })

  test('a sibling that the breaker has parked stays parked, whatever the plan', async () => {
    const broken = child('b', {
      awaitReady: false,
      logic: () => {
        throw coded('CONFIGURATION')
      },
    })
    for (const action of ['restart', 'park', 'delay'] as const) {
      const it = await started({
        strategy: answering({
          a: [
            [
              { action: 'restart', child: 'a' },
              {
                action,
                child: 'b',
                ...(action === 'delay' ? { by: 1 } : action === 'park' ? { for: 1 } : {}),
              } as PlanAction,
            ],
          ],
        }),
        children: [child('a'), broken],
      })
      await it.crash('a')
      await it.clock.advance(10)
      expect([it.state('a'), it.state('b'), it.clock.pending]).toEqual(['running', 'parked', 0])
      await it.app.stop()
    }
  })

  test('a sibling that the strategy has parked may be restarted by it', async () => {
    const it = await started({
      strategy: answering({
        a: [[{ action: 'park', child: 'a' }]],
        b: [
          [
            { action: 'restart', child: 'b' },
            { action: 'restart', child: 'a' },
          ],
        ],
      }),
      children: ABCD,
    })
    await it.crash('a')
    await it.crash('b')
    expect(moves(it)).toEqual(['exit a', 'parked a', 'exit b', 'start b', 'start a'])
    await it.app.stop()
  })
})

describe('siblings', () => {
  test('that are stopped are started by restart, also without reviveStopped: a standby takes over', async () => {
    const it = await planned(
      [
        { action: 'restart', child: 'b' },
        { action: 'stop', child: 'a' },
      ],
      { reviveStopped: false },
    )
    await it.app.terminateChild('b')
    moves(it)
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'start b'])
    await it.app.stop()
  })

  test.each(['restart', 'delay', 'park'] as const)('that are temporary do not come back: %s', async (action) => {
    const more = action === 'delay' ? { by: 5 } : action === 'park' ? { for: 5 } : {}
    const it = await started({
      strategy: answering({
        a: [[{ action, child: 't', ...more } as PlanAction, { action: 'restart', child: 'a' }]],
      }),
      children: [child('a'), child('t', { restart: 'temporary' })],
    })
    await it.crash('a')
    await it.clock.advance(100)
    expect([it.state('a'), it.state('t'), it.clock.pending]).toEqual(['running', 'absent', 0])
    await it.app.stop()
  })

  test('that wait for their own restart are waited for (X09), and bring the children that wait with them', async () => {
    const it = await started({
      strategy: answering({
        b: [
          [
            { action: 'restart', child: 'b' },
            { action: 'restart', child: 'c' },
          ],
        ],
        a: [
          [
            { action: 'restart', child: 'a' },
            { action: 'restart', child: 'b' },
          ],
        ],
      }),
      children: [child('a'), child('b', { backoff: { ...NO_JITTER, first: 500 } }), child('c')],
    })
    await it.crash('b')
    expect(states(it)).toBe('a running, b backing_off, c stopped')
    await it.clock.advance(100)
    moves(it)
    await it.crash('a')
    expect(states(it)).toBe('a backing_off, b stopped, c stopped')
    await it.clock.advance(399)
    expect(moves(it)).toEqual(['exit a'])
    await it.clock.advance(1)
    expect(moves(it)).toEqual(['start a', 'start b', 'start c'])
    await it.app.stop()
  })

  test('that wait and are stopped leave the children that wait with them to be started', async () => {
    const it = await started({
      strategy: answering({
        b: [
          [
            { action: 'restart', child: 'b' },
            { action: 'restart', child: 'c' },
          ],
        ],
        a: [
          [
            { action: 'park', child: 'a' },
            { action: 'stop', child: 'b' },
          ],
        ],
      }),
      children: [child('a'), child('b', { backoff: { ...NO_JITTER, first: 500 } }), child('c')],
    })
    await it.crash('b')
    await it.crash('a')
    expect(states(it)).toBe('a parked, b stopped, c running')
    expect(it.clock.pending).toBe(0)
    await it.app.stop()
  })

  test('that were to come back with another child, and are stopped, do not', async () => {
    const it = await started({
      strategy: answering({
        b: [
          [
            { action: 'restart', child: 'b' },
            { action: 'restart', child: 'c' },
          ],
        ],
        a: [
          [
            { action: 'restart', child: 'a' },
            { action: 'stop', child: 'c' },
          ],
        ],
      }),
      children: [child('a'), child('b', { backoff: { ...NO_JITTER, first: 500 } }), child('c')],
    })
    await it.crash('b')
    await it.crash('a')
    await it.clock.advance(1_000)
    expect(states(it)).toBe('a running, b running, c stopped')
    await it.app.stop()
  })

  test('a start that fails goes on with the rest of the plan', async () => {
    let starts = 0
    const flaky: ChildSpec = child('b', {
      logic: () => {
        starts += 1
        if (starts === 2) throw new Error('not now')
        return idle
      },
    })
    const it = await started({
      strategy: answering({
        a: [
          [
            { action: 'restart', child: 'a' },
            { action: 'restart', child: 'b' },
            { action: 'restart', child: 'c' },
          ],
        ],
        b: [[{ action: 'park', child: 'b' }]],
      }),
      children: [child('a'), flaky, child('c')],
    })
    await it.crash('a')
    expect(moves(it)).toEqual(['exit a', 'exit c', 'exit b', 'start a', 'parked b', 'start c'])
    await it.app.stop()
    expect(it.clock.pending).toBe(0)
  })
})

test('the failure, the proposal and the time reach the strategy', async () => {
  const asked: RestartContext[] = []
  const it = await started({ strategy: answering({}, asked), children: [child('a')] })
  const boom = new TypeError('boom')
  await it.clock.advance(490)
  await it.crash('a', boom)
  await it.crash('a', boom)
  expect(asked).toMatchObject([
    {
      ...{ supervisor: 'app', phase: 'run', now: NOON + 500, time: NOON + 500, memory: undefined },
      failure: { error: boom, class: 'bug', phase: 'run', attempts: 1, uptime: 500, reason: { type: 'error' } },
      proposal: { action: 'restart', delay: 0 },
    },
    { failure: { attempts: 2, uptime: 0 }, proposal: { action: 'restart', delay: 200 } },
  ])
  expect(asked[0]?.failure.fingerprint).toBe(asked[1]?.failure.fingerprint)
  await it.app.stop()
})

test('views are copies with uptime, meta and dependsOn, and the failed child is one of them', async () => {
  const seen: unknown[] = []
  const strategy: RestartStrategy = {
    name: 'curious',
    plan: (failed, children) => {
      const list = [...children]
      seen.push(list.map(({ id, state, uptime, meta, dependsOn }) => [id, state, uptime, meta, dependsOn]))
      seen.push(list[0] === failed, Reflect.set(failed, 'state', 'parked'))
      return { restart: [failed.id] }
    },
  }
  const it = await started({ strategy, children: [child('a', { meta: 7 }), child('b', { dependsOn: ['a'] })] })
  await it.crash('a')
  expect(seen).toEqual([
    [
      ['a', 'restarting', 0, 7, []],
      ['b', 'running', 10, undefined, ['a']],
    ],
    true,
    true,
  ])
  expect(it.state('a')).toBe('running')
  await it.app.stop()
})

test('an operation during a plan waits for it', async () => {
  const it = await planned([
    { action: 'restart', child: 'a' },
    { action: 'restart', child: 'b' },
  ])
  const listed = new Promise<unknown>((resolve) => {
    it.app.on('child.exit', ({ id }) => {
      if (id === 'a') resolve(refusal(it.app.restartChild('b')))
    })
  })
  await it.crash('a')
  expect(await listed).toBe('running')
  await it.app.stop()
})
