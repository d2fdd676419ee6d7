import { expect, test } from '@jest/globals'
import { supervisor } from '@terrarium/supervisor'
import { bench, child, NO_JITTER, slow, type Bench } from './support.ts'

const boom = new Error('boom')

const exhaustible = (mode: 'default' | 'otp'): ReturnType<typeof child> =>
  child('sub', {
    restart: 'transient',
    logic: supervisor({
      id: 'sub',
      mode,
      ...(mode === 'otp' ? { intensity: 2 } : { backoff: { ...NO_JITTER, maxAttempts: 2 }, breaker: 'off' }),
      children: [slow('x', { awaitReady: false, onExhausted: 'escalate' })],
    }),
  })

const crashInside = async (it: Bench): Promise<void> => {
  const [x] = (it.ref('sub').getSnapshot() as { supervised: { ref?: { send: (event: object) => void } }[] }).supervised
  x?.ref?.send({ type: 'throw', error: boom })
  await it.clock.advance(5_000)
}

test('X22 a supervisor that gave up is restarted by its parent, and keeps its counts', async () => {
  const it = bench({ children: [exhaustible('default')] })
  await it.app.start()
  for (let crash = 1; crash <= 3; crash += 1) await crashInside(it)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  await crashInside(it)
  // The fourth failure of the supervisor in a row, not the first: it gives up again at once.
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 3 })
  await it.app.stop()
})

test('X22, F04 without keepHistory a restarted supervisor starts counting from zero', async () => {
  const it = bench({ keepHistory: false, children: [exhaustible('default')] })
  await it.app.start()
  for (let crash = 1; crash <= 4; crash += 1) await crashInside(it)
  expect(it.app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  await it.app.stop()
})

test('X22, F03 in mode otp a transient supervisor that has given up is gone, and no failure is reported', async () => {
  const it = bench({ children: [exhaustible('otp')] })
  await it.app.start()
  for (let crash = 1; crash <= 3; crash += 1) {
    const [x] = (it.ref('sub').getSnapshot() as { supervised: { ref?: { send: (event: object) => void } }[] })
      .supervised
    x?.ref?.send({ type: 'ready' })
    x?.ref?.send({ type: 'throw', error: boom })
    await it.clock.advance(0)
  }
  expect(it.state('sub')).toBe('stopped')
  await it.app.stop()
})
