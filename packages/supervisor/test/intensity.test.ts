import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { RestartWindow } from '../src/window.ts'
import { bench, child, idle, obedient, type Bench } from './support.ts'

/** Crashes `a` at these times and says whether the supervisor lived through it. */
async function survives(intensity: number, period: number, crashes: readonly number[]): Promise<boolean> {
  const it = bench({ mode: 'otp', intensity, period, children: [child('a')] })
  await it.app.start()
  for (const at of crashes) {
    await it.clock.advance(at - it.clock.now())
    await it.crash('a')
  }
  const alive = it.app.ref.getSnapshot().status === 'active'
  await it.app.stop()
  return alive
}

test.each([
  ['E01 an intensity of 0 forgives nothing', 0, 5_000, [100], false],
  ['E02 the limit is "more than"', 1, 5_000, [100], true],
  ['E02 the limit is "more than"', 1, 5_000, [100, 200], false],
  ['E04 whole seconds: 1.9 s apart are within one second', 1, 1_000, [1_020, 2_920], false],
  ['E05 whole seconds: 1.1 s apart are not', 1, 1_000, [1_950, 3_050], true],
  ['E07 three whole seconds in a row', 2, 2_000, [1_000, 2_200, 3_400], false],
  ['E08 the window slides', 2, 1_000, [1_000, 1_900, 3_100], true],
  ['E13 a slow crash loop lives for ever', 1, 1_000, [1_000, 3_100, 5_200, 7_300], true],
] as const)('%s: %d in %d ms, crashes at %p: %p', async (_, intensity, period, crashes, expected) => {
  expect(await survives(intensity, period, crashes)).toBe(expected)
})

describe('E06 the edges are inclusive', () => {
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

test('E03 the window equals a naive recount, up to the first refusal', () => {
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

test('E09 every failed restart counts', async () => {
  let starts = 0
  const logic = (): typeof obedient => {
    starts += 1
    if (starts > 1) throw new Error('no')
    return obedient
  }
  const it = bench({ mode: 'otp', intensity: 3, children: [child('a', { logic })] })
  await it.app.start()
  await it.crash('a')
  expect(it.take('supervisor.exit')).toEqual(['supervisor.exit'])
  expect(starts).toBe(1 + 3)
})

test('E10, E11 what is asked for by hand is not counted', async () => {
  let starts = 0
  const logic = (): typeof idle => {
    starts += 1
    if (starts > 3) throw new Error('no')
    return idle
  }
  const it = bench({ mode: 'otp', intensity: 0, children: [child('a', { logic })] })
  await it.app.start()
  for (let round = 0; round < 2; round += 1) {
    await it.app.terminateChild('a')
    await it.app.restartChild('a')
  }
  await it.app.terminateChild('a')
  await expect(it.app.restartChild('a')).rejects.toMatchObject({ code: 'START_FAILED' })
  await it.clock.advance(60_000)
  expect(it.state('a')).toBe('stopped')
  expect(starts).toBe(4)
  await it.app.stop()
})

test('E12 the count is the supervisor’s, not the child’s', async () => {
  const it = bench({ mode: 'otp', intensity: 2, children: [child('a'), child('b')] })
  await it.app.start()
  await it.crash('a')
  await it.crash('a')
  await it.crash('b')
  expect(it.take('supervisor.exit')).toEqual(['supervisor.exit'])
})

test('F01 the supervisor that gives up stops the others newest first and exits with shutdown', async () => {
  const it = bench({ mode: 'otp', intensity: 0, children: [child('a'), child('b'), child('c')] })
  await it.app.start()
  it.take()
  await it.crash('b')
  expect(it.take()).toEqual(['child.exit b', 'child.exit c', 'child.exit a', 'supervisor.exit'])
  expect(it.events.at(-1)).toMatchObject({ reason: { type: 'shutdown' } })
  expect(it.clock.pending).toBe(0)
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
