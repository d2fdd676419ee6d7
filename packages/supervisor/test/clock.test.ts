import { once } from 'node:events'
import { createServer, connect, type Socket } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { systemClock, patientTimeout } from '@terrarium/supervisor/base'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { block } from '../../../test/support/waiting.ts'

/** Two ends of one connection. */
async function connection(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-clock-'))
  const server = createServer().listen(join(folder, 'socket'))
  await once(server, 'listening')
  const near = connect(join(folder, 'socket'))
  const [far] = (await once(server, 'connection')) as [Socket]
  const close = (): void => {
    near.destroy()
    far.destroy()
    server.close()
    rmSync(folder, { recursive: true })
  }
  return { near, far, close }
}

test('D7: data that arrived while the event loop stood still is read before a due timer fires', async () => {
  const { near, far, close } = await connection()
  const order: string[] = []
  near.on('data', () => {
    order.push('read')
    setImmediate(() => order.push('what reading set off'))
  })
  const judged = new Promise<void>((resolve) => {
    systemClock.setTimeout(() => {
      order.push('timer')
      resolve()
    }, 5)
  })
  far.write('answer')
  block(50)
  await judged
  expect(order).toEqual(['read', 'what reading set off', 'timer'])
  close()
})

test('D7: a timer of the real clock can be cleared until its callback runs', async () => {
  const called: string[] = []
  const timer = systemClock.setTimeout(() => called.push('cleared'), 1)
  await new Promise<void>((resolve) => {
    // Due in the same turn, and earlier set: it runs between the firing of the first timer and its callback.
    setTimeout(() => {
      systemClock.clearTimeout(timer)
      systemClock.setTimeout(resolve, 1)
    }, 1)
    block(5)
  })
  expect(called).toEqual([])
})

test('D7: a patient timeout fires after its delay, to the ms', async () => {
  for (const delay of [0, 1, 9, 10, 25, 80, 1_001, 30_000]) {
    const clock = new VirtualClock(7)
    const fired: number[] = []
    patientTimeout(clock, () => fired.push(clock.now()), delay)
    await clock.advance(delay - 0.001)
    expect([delay, fired]).toEqual([delay, []])
    await clock.advance(0.001)
    expect([delay, fired]).toEqual([delay, [delay + 7]])
  }
})

test('D7: a standstill of the host counts for at most one part of a patient timeout', () => {
  // A host that is 6 s late with each timer.
  let now = 0
  let timers: { readonly due: number; readonly callback: () => void }[] = []
  const clock = {
    setTimeout: (callback: () => void, delay: number) => timers.push({ due: now + delay, callback }),
    clearTimeout: () => undefined,
  }
  const fired: number[] = []
  let rounds = 0
  patientTimeout(clock, () => fired.push(rounds), 4_000)
  for (let [timer] = timers; timer !== undefined; [timer] = timers) {
    timers = []
    rounds += 1
    now = timer.due + 6_000
    timer.callback()
  }
  expect(fired).toEqual([8])
})

test('D7: a patient timeout cancelled between two parts does not fire', async () => {
  const clock = new VirtualClock()
  let fired = false
  const cancel = patientTimeout(clock, () => (fired = true), 800)
  await clock.advance(450)
  cancel()
  await clock.advance(10_000)
  expect([fired, clock.pending]).toEqual([false, 0])
})
