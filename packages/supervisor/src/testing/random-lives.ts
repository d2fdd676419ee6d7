// Random lives of a child with a backoff: how long it runs before each failure.
import type { BackoffOptions } from '../policy/backoff.ts'
import { failingMachine } from './failing-machine.ts'
import { shorter, type Draw, type Property } from './generate.ts'
import { ensure } from './suite.ts'
import { Trial } from './trial.ts'

interface Life {
  /** How long the child runs before each failure, in ms. */
  readonly runs: readonly number[]
  /** What `random` answers. */
  readonly random: number
}

const MOST_FAILURES = 8
const LEAST_MS = [0, 10, 100, 5_000, 20_000, 3_600_000]

/** A child is back when its delay is over, never before, and at the same times when all is the same. */
export function livesOf(backoff: BackoffOptions, max: number): Property<Life> {
  return {
    make: drawLife,
    smaller: function* ({ runs, random }) {
      for (const fewer of shorter(runs)) if (fewer.length > 0) yield { runs: fewer, random }
      for (const [index, run] of runs.entries()) {
        for (const less of LEAST_MS) if (less < run) yield { runs: runs.with(index, less), random }
      }
      if (random !== 0) yield { runs, random: 0 }
    },
    check: async (life) => {
      const [one, other] = [await live(backoff, life, max), await live(backoff, life, max)]
      const rule = 'delays must be the same when all is the same'
      ensure(one.join() === other.join(), rule, () => `they were ${one.join(', ')} ms and then ${other.join(', ')} ms`)
    },
    tell: ({ runs, random }) => `failures after ${runs.join(', ')} ms of running each, random ${random}`,
  }
}

function drawLife(draw: Draw): Life {
  const count = draw.whole(1, MOST_FAILURES)
  const random = draw.oneOf([0, 0.5, 1 - Number.EPSILON, draw.fraction()])
  return { runs: Array.from({ length: count }, () => draw.oneOf(LEAST_MS)), random }
}

/** Returns the delays, in ms. */
async function live(backoff: BackoffOptions, { runs, random }: Life, max: number): Promise<number[]> {
  const trial = new Trial({
    breaker: 'off',
    random: () => random,
    children: [{ id: 'child', logic: failingMachine, backoff }],
  })
  const { clock } = trial
  const delays: number[] = []
  await trial.run('after a random life', async () => {
    for (const run of runs) {
      await clock.advance(run)
      await trial.fail('child')
      const { state, until = clock.now() } = trial.child('child') ?? {}
      if (state === 'parked' || trial.hasEnded) return
      const delay = until - clock.now()
      ensure(delay >= 0 && delay <= max + 1_000, `a delay must be from 0 to ${max} ms`, () => `it is ${delay} ms`)
      if (delay > 0) {
        const { starts } = trial
        await clock.advance(delay - 1)
        ensure(
          trial.starts === starts,
          'a child must wait for its delay',
          () => `it was back before ${delay} ms were over`,
        )
        await clock.advance(1)
      }
      const back = trial.child('child')?.state
      ensure(back === 'running', 'a child must be back when its delay is over', () => `it is ${back ?? 'gone'}`)
      delays.push(delay)
    }
  })
  return delays
}
