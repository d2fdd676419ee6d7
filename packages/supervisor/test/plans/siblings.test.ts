// What a plan does to siblings, and that the breaker outranks it.
import { describe, expect, test } from '@jest/globals'
import type { ChildSpec } from '@terrarium/supervisor'
import type { PlanAction, RestartContext } from '@terrarium/supervisor/strategies'
import { child, idle, NO_JITTER, started } from '../support.ts'
import { ABCD, answering, coded, moves, planned, states } from './scripted.ts'

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
    let starts = 0
    const broken = child('b', {
      awaitReady: false,
      logic: () => {
        starts += 1
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
      starts = 0
      await it.crash('a')
      await it.clock.advance(10)
      expect([it.state('a'), it.state('b'), it.clock.pending, starts]).toEqual(['running', 'parked', 0, 0])
      await it.app.stop()
    }
  })

  test('a temporary sibling is no restart that counts, whatever the plan says of it', async () => {
    const it = await started({
      intensity: 0,
      strategy: answering({
        a: [
          [
            { action: 'stop', child: 'a' },
            { action: 'restart', child: 'b' },
          ],
        ],
      }),
      children: [child('a'), child('b', { restart: 'temporary' })],
    })
    await it.crash('a')
    expect([states(it), it.app.ref.getSnapshot().status]).toEqual(['a stopped', 'active'])
    await it.app.stop()
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
