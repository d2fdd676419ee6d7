import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'

test('timers fire in order of due time, then of setting, at their own time', async () => {
  const clock = new VirtualClock(100)
  const fired: string[] = []
  const note = (name: string) => (): void => {
    fired.push(`${name}@${clock.now()}`)
  }
  clock.setTimeout(note('late'), 20)
  clock.setTimeout(note('first'), 10)
  clock.setTimeout(note('second'), 10)
  const cancelled = clock.setTimeout(note('never'), 10)
  clock.clearTimeout(cancelled)
  await clock.advance(15)
  expect(fired).toEqual(['first@110', 'second@110'])
  expect([clock.now(), clock.pending]).toEqual([115, 1])
  await clock.advance(5)
  expect(fired).toEqual(['first@110', 'second@110', 'late@120'])
})

test('timers set by timers, and promises, run within the same advance', async () => {
  const clock = new VirtualClock()
  const fired: number[] = []
  const chain = async (): Promise<void> => {
    for (let step = 0; step < 100; step += 1) await Promise.resolve()
    clock.setTimeout(() => fired.push(clock.now()), 5)
  }
  clock.setTimeout(() => void chain(), 10)
  await clock.advance(20)
  expect(fired).toEqual([15])
})

test('advance(0) fires what is due', async () => {
  const clock = new VirtualClock()
  let fired = false
  clock.setTimeout(() => {
    fired = true
  })
  await clock.advance()
  expect(fired).toBe(true)
})
