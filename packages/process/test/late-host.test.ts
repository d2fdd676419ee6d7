import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { keep } from '@terrarium/process'
import { startTimer } from '../src/pacing/patience.ts'
import type { Activity } from '../src/table/process-table.ts'
import { block, turns } from '../../../test/support/waiting.ts'
import { onEnd, open, python } from './support.ts'

/** A script that prints `up`, and exits on SIGTERM. */
const OBEDIENT = "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done"

test('D7: an exit that was reported before the kill is not called forced, however late the host reads it', async () => {
  const runtime = await open()
  const child = await runtime.spawn({ name: 'obedient', command: 'sh', args: ['-c', OBEDIENT] })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const ended = child.terminate({ grace: 300 })
  await turns(3)
  block(1_000)
  expect(await ended).toMatchObject({ requested: 'term', code: 0, unkillable: false })
})

test('D7: a late host takes no process for unkillable', async () => {
  const runtime = await open()
  const child = await runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
  const ended = child.kill()
  await turns(3)
  block(2_500)
  expect(await ended).toMatchObject({ requested: 'kill', signal: 'SIGKILL', unkillable: false })
})

test('D7: close() proves the exit of all processes, however long the host stood still meanwhile', async () => {
  const runtime = await open()
  for (let index = 0; index < 3; index += 1) {
    await runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
  }
  const closed = runtime.close()
  await turns(3)
  block(5_500)
  expect(await closed).toEqual({ killed: 3, unreleased: 0, left: [] })
})

test('D7: a kept program that was ready in time is kept, although the host stood still', async () => {
  const runtime = await open()
  const kept = keep('sh', ['-c', `sleep 0.3; ${OBEDIENT}`], {
    runtime,
    ready: /^up$/,
    startTimeout: 1_000,
    breaker: { identical: 1 },
  })
  onEnd(() => kept.stop())
  kept.on('program.start', () => {
    setImmediate(() => {
      block(2_000)
    })
  })
  await kept.whenReady()
  expect(kept.status).toBe('running')
})

test('D6: time in which a process waited for a processor does not count, up to three times the limit', async () => {
  const clock = Object.assign(new VirtualClock(), { isReal: true })
  const doing: Activity = { cpu: 0, isRunning: true, waited: 0 }
  const activity = (): Activity => doing
  const late: number[] = []
  startTimer(clock, 1, 1_000, () => late.push(clock.now()), activity)
  Object.assign(doing, { waited: 700 })
  await clock.advance(1_000)
  expect(late).toEqual([])
  Object.assign(doing, { waited: 900 }) // 200 of the 700 ms that were added
  await clock.advance(700)
  expect(late).toEqual([])
  await clock.advance(200)
  expect(late).toEqual([1_900])

  startTimer(
    clock,
    1,
    1_000,
    () => late.push(clock.now()),
    () => ({ ...doing, waited: clock.now() * 10 }),
  )
  await clock.advance(10_000)
  expect(late).toEqual([1_900, 5_900])
})

test('D6: on a virtual clock the time that processes wait for a processor does not count', async () => {
  const clock = new VirtualClock()
  const late: number[] = []
  startTimer(
    clock,
    1,
    1_000,
    () => late.push(clock.now()),
    () => ({ cpu: 0, isRunning: true, waited: 5_000 }),
  )
  await clock.advance(1_000)
  expect(late).toEqual([1_000])
})

test('D6: starts that wait for their turn are given up when their runtime is closed, or their signal aborted', async () => {
  const runtime = await open()
  const burn = 'import time\nwhile True: pass'
  const start = (signal?: AbortSignal) =>
    runtime.spawn({ name: 'burn', command: python, args: ['-c', burn], paced: true, signal })
  const controller = new AbortController()
  const starts = Array.from({ length: 40 }, () => start())
  const aborted = start(controller.signal)
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ code: 'STOPPED' })
  await starts[0]
  const report = await runtime.close()
  const outcomes = await Promise.allSettled(starts)
  const begun = outcomes.filter(({ status }) => status === 'fulfilled').length
  expect(report).toMatchObject({ killed: begun, left: [] })
  expect(begun).toBeLessThan(40)
  expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual(
    Array.from({ length: 40 - begun }, () => ({
      status: 'rejected',
      reason: expect.objectContaining({ code: 'STOPPED' }),
    })),
  )
})
