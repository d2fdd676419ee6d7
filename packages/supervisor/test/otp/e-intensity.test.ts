import { expect, test } from '@jest/globals'
import type { AnyActorLogic } from 'xstate'
import { IGNORE, type ChildSpec } from '@terrarium/supervisor'
import { RestartWindow } from '../../src/policy/intensity.ts'
import { bench, child, idle, obedient, type Bench } from '../support.ts'
import { boom, BOOM, NORMAL } from './actors.ts'

/** Crashes `a` at these times (s) and says whether the supervisor lived through it. Intensity, and period in s. */
async function survives(intensity: number, period: number, ...crashes: number[]): Promise<boolean> {
  const it = bench({ mode: 'otp', intensity, period: period * 1_000, children: [child('a')] })
  await it.app.start()
  for (const at of crashes) {
    await it.clock.advance(at * 1_000 - it.elapsed())
    await it.end('a', BOOM)
  }
  const isAlive = it.app.ref.getSnapshot().status === 'active'
  await over(it)
  return isAlive
}

/** A child whose starts go as told, the last of them for ever. */
function script(id: string, ...outcomes: ('ok' | 'fail' | 'ignore')[]): { readonly spec: ChildSpec; starts: number } {
  const self = { starts: 0, spec: child(id, { logic: () => start() }) }
  const start = (): AnyActorLogic | typeof IGNORE => {
    const outcome = outcomes[Math.min(self.starts, outcomes.length - 1)]
    self.starts += 1
    if (outcome === 'fail') throw boom
    return outcome === 'ok' ? obedient : IGNORE
  }
  return self
}

async function started(intensity: number, ...children: ChildSpec[]): Promise<Bench> {
  const it = bench({ mode: 'otp', intensity, children })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

const isOver = ({ app }: Bench): boolean => app.ref.getSnapshot().status === 'done'

async function over({ app, clock }: Bench): Promise<void> {
  await app.stop()
  expect(clock.pending).toBe(0)
}

test('E01 with an intensity of 0 the first restart is too many', async () => {
  expect(await survives(0, 5, 1)).toBe(false)
})

test('E02 the limit is "more than": of 1 restart the second is too many', async () => {
  expect(await survives(1, 5, 1)).toBe(true)
  expect(await survives(1, 5, 1, 2)).toBe(false)
})

test('E03 a stamp is a whole second, counts as long as it is not older than the period, and the new one counts', () => {
  const admitted = (...seconds: number[]): boolean[] => {
    const window = new RestartWindow(2, 3_000, 'otp-seconds')
    return seconds.map((second) => window.admit(second * 1_000))
  }
  expect(admitted(0, 1, 3.99)).toEqual([true, true, false])
  expect(admitted(0.99, 1, 4)).toEqual([true, true, true])
  expect(admitted(0, 0, 4, 4, 4)).toEqual([true, true, true, true, false])
})

test('E04 1.9 s apart may be one second apart, and then both count in a period of 1 s', async () => {
  expect(await survives(1, 1, 1.02, 2.92)).toBe(false)
})

test('E05 1.1 s apart may be two seconds apart, and then they do not', async () => {
  expect(await survives(1, 1, 1.95, 3.05)).toBe(true)
})

test('E06 as old as the period counts, a second older never does, in between the phase decides', async () => {
  expect(await survives(1, 2, 1, 3)).toBe(false)
  expect(await survives(1, 2, 1, 4)).toBe(true)
  expect(await survives(1, 2, 1, 3.9)).toBe(false)
  expect(await survives(1, 2, 1.9, 4)).toBe(true)
  const inMs = (age: number): boolean => {
    const window = new RestartWindow(1, 1_000, 'ms')
    window.admit(500)
    return window.admit(500 + age)
  }
  expect([inMs(999), inMs(1_000), inMs(1_001)]).toEqual([false, false, true])
})

test('E07 three crashes of which two lie in any true 2 s are too many if their seconds follow each other', async () => {
  expect(await survives(2, 2, 1, 2.2, 3.4)).toBe(false)
})

test('E08 the window slides', async () => {
  expect(await survives(2, 1, 1, 1.9, 3.1)).toBe(true)
})

test('E09 the crash counts, and so does every failed attempt to restart', async () => {
  const a = script('a', 'ok', 'fail')
  const it = await started(3, a.spec)
  await it.end('a', BOOM)
  await it.clock.advance(0)
  expect(a.starts).toBe(1 + 3)
  expect(isOver(it)).toBe(true)
  expect(it.clock.pending).toBe(0)
})

test('E10 terminating and restarting a child by hand does not count', async () => {
  const it = await started(0, child('a'))
  for (let round = 0; round < 3; round += 1) {
    await it.app.terminateChild('a')
    await it.app.restartChild('a')
  }
  expect(it.app.children).toMatchObject([{ state: 'running', incarnation: 4 }])
  await over(it)
})

test('E11 a restart by hand that fails does not count and is not tried again', async () => {
  const a = script('a', 'ok', 'fail')
  const it = await started(0, a.spec)
  await it.app.terminateChild('a')
  await expect(it.app.restartChild('a')).rejects.toMatchObject({ code: 'START_FAILED', cause: boom })
  await it.clock.advance(60_000)
  expect([a.starts, it.state('a')]).toEqual([2, 'stopped'])
  await over(it)
})

test('E12 the count is the supervisor’s, not the child’s', async () => {
  const it = await started(2, child('a'), child('b'))
  await it.end('a', BOOM)
  await it.end('a', BOOM)
  expect(isOver(it)).toBe(false)
  await it.end('b', BOOM)
  expect(isOver(it)).toBe(true)
})

test('E13 a slow crash loop never exceeds the intensity', async () => {
  expect(await survives(1, 1, 1, 3.1, 5.2, 7.3)).toBe(true)
})

test('E14 clean ends, temporary children and ignored starts do not count; the crash before an ignored restart does', async () => {
  const it = await started(
    0,
    child('transient', { restart: 'transient' }),
    child('temporary', { restart: 'temporary' }),
    child('failing', { restart: 'temporary' }),
  )
  await it.end('transient', NORMAL)
  await it.end('temporary', NORMAL)
  await it.end('failing', BOOM)
  expect(await it.app.startChild(child('ignored', { logic: () => IGNORE }))).toBeUndefined()
  expect(isOver(it)).toBe(false)
  await over(it)

  for (const [intensity, result] of [
    [0, 'gone'],
    [1, 'stopped'],
  ] as const) {
    const crashed = await started(intensity, script('a', 'ok', 'ignore').spec, child('b', { logic: idle }))
    await crashed.end('a', BOOM)
    await crashed.clock.advance(0)
    expect(isOver(crashed) ? 'gone' : crashed.state('a')).toBe(result)
    await over(crashed)
  }
})
