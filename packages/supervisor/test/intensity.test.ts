import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { RestartWindow } from '../src/policy/intensity.ts'
import { bench, child, type Bench } from './support.ts'

describe('the edges are inclusive', () => {
  test('in milliseconds', () => {
    const at = (second: number): boolean => {
      const window = new RestartWindow(1, 1_000, 'ms')
      window.admit(0)
      return window.admit(second)
    }
    expect([at(999), at(1_000), at(1_001)]).toEqual([false, false, true])
  })

  test('in whole seconds', () => {
    const at = (second: number): boolean => {
      const window = new RestartWindow(1, 1_000, 'otp-seconds')
      window.admit(0)
      return window.admit(second)
    }
    expect([at(1_000), at(1_999), at(2_000)]).toEqual([false, false, true])
  })
})

/** E03, word for word. */
function recount(intensity: number, period: number, seconds: boolean, times: readonly number[]): boolean[] {
  let stamps: number[] = []
  return times.map((time) => {
    const now = seconds ? Math.floor(time / 1_000) : time
    stamps = stamps.filter((stamp) => stamp >= now - (seconds ? period / 1_000 : period))
    stamps.push(now)
    return stamps.length <= intensity
  })
}

test('the window equals a naive recount, up to the first refusal', () => {
  fc.assert(
    fc.property(
      fc.nat(5),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.array(fc.nat(2_500), { maxLength: 40 }),
      (intensity, seconds, otp, gaps) => {
        let now = 0
        const times = gaps.map((gap) => (now += gap))
        const window = new RestartWindow(intensity, seconds * 1_000, otp ? 'otp-seconds' : 'ms')
        const expected = recount(intensity, seconds * 1_000, otp, times)
        const end = expected.includes(false) ? expected.indexOf(false) + 1 : expected.length
        expect(times.slice(0, end).map((time) => window.admit(time))).toEqual(expected.slice(0, end))
      },
    ),
  )
})

test('when the oldest restart counts no more is foretold, to the millisecond', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.array(fc.nat(2_500), { minLength: 1, maxLength: 20 }),
      fc.nat(6_000),
      (intensity, seconds, otp, gaps, later) => {
        let now = 0
        const window = new RestartWindow(intensity, seconds * 1_000, otp ? 'otp-seconds' : 'ms')
        for (const gap of gaps) window.admit((now += gap))
        now += later
        const [used, freeIn] = [window.used(now), window.freeIn(now)]
        expect(freeIn === undefined).toBe(used === 0)
        if (freeIn === undefined) return
        expect(window.used(now + freeIn - 1)).toBe(used)
        expect(window.used(now + freeIn)).toBeLessThan(used)
      },
    ),
  )
})

async function storm(intensity: number): Promise<Bench> {
  const it = bench({ intensity, period: 60_000, children: [child('a'), child('b')] })
  await it.app.start()
  await it.clock.advance(10)
  return it
}

test('default mode: giving up is an error that names the child and its failure', async () => {
  const it = await storm(1)
  const boom = new Error('boom')
  await it.crash('a')
  await it.clock.advance(10)
  await it.crash('b', boom)
  expect(it.events.at(-1)).toMatchObject({
    type: 'supervisor.exit',
    reason: { type: 'error', error: { code: 'STOPPED', cause: boom, details: { child: 'b' } } },
  })
})

test('default mode: delayed restarts and parked children cost the siblings nothing', async () => {
  const it = await storm(2)
  for (let attempt = 0; attempt < 6; attempt += 1) {
    await it.crash('a')
    await it.clock.advance(it.state('a') === 'backing_off' ? (it.app.children[0]?.until ?? 0) - it.clock.now() : 0)
  }
  expect(it.state('a')).toBe('parked')
  await it.crash('b')
  expect(it.state('b')).toBe('running')
  await it.app.stop()
})
