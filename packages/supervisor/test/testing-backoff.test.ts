import { describe, expect, test } from '@jest/globals'
import type { BackoffOptions } from '@terrarium/supervisor/strategies'
import { describeBackoff } from '@terrarium/supervisor/testing'
import { complaints } from './complaints.ts'

describe.each<[string, BackoffOptions]>([
  ['default backoff', {}],
  ['full jitter', { jitter: 'full', first: 100 }],
  ['decorrelated jitter', { jitter: 'decorrelated', max: 1_000 }],
  ['no patience', { maxAttempts: 0 }],
  ['little time', { maxElapsed: 0 }],
  ['endless attempts', { maxAttempts: Infinity }],
  ['a schedule of its own', { delay: ({ attempt, random, scale }) => 10 * attempt ** 2 * scale * (1 + random) }],
])('%s', (_, backoff) => {
  describeBackoff(backoff, { test })
})

const DELAYS = 'delays are whole ms from 0 to `max`'

const FIRST = 'for {"attempt":1,"previous":0,"random":0,"scale":1}'

const LOOP = 'a crash loop makes progress and ends parked'

/** A schedule that does not look at its input. */
function forgetful(): BackoffOptions {
  let calls = 0
  return {
    delay: () => {
      calls += 1
      return calls * 10
    },
  }
}

test.each<[what: string, test: string, message: string, backoff: BackoffOptions]>([
  ['has invalid options', 'a backoff has valid options', 'backoff.max must be ms, 0 or more, not -1', { max: -1 }],
  [
    'never ends',
    'a backoff has valid options',
    'could fail for ever',
    { delay: () => 5_000, maxAttempts: Infinity, maxElapsed: Infinity },
  ],
  ['is no number of ms', DELAYS, 'a delay must be whole ms from 0 to 30000: it is NaN for {"attempt":2', { base: NaN }],
  [
    'throws',
    DELAYS,
    `delay() must not throw: it threw Error: no schedule ${FIRST}`,
    {
      delay: () => {
        throw new Error('no schedule')
      },
    },
  ],
  ...[
    [NaN, 'NaN'],
    [-1, '-1'],
    [Infinity, 'Infinity'],
    [undefined, 'undefined'],
    ['100', "'100'"],
    [Promise.resolve(5), 'a promise'],
  ].map(([answer, text]): [string, string, string, BackoffOptions] => [
    `returns ${text as string}`,
    DELAYS,
    `delay() must return a finite number, 0 or more: it returned ${text as string} ${FIRST}`,
    { delay: () => answer as number },
  ]),
  [
    'overflows',
    DELAYS,
    'delay() must return a finite number, 0 or more: it returned Infinity for {"attempt":52',
    { delay: ({ attempt }) => 1e6 ** attempt },
  ],
  [
    'draws its own numbers',
    'delays are the same for the same input',
    'a delay must depend on its input only: it is ',
    { delay: () => Math.random() * 1_000 },
  ],
  [
    'counts its calls',
    'delays are the same for the same input',
    'a delay must depend on its input only: it is ',
    forgetful(),
  ],
  ['spins', LOOP, 'a crash loop must not spin: the supervisor gave up after ', { delay: () => 0, maxAttempts: 1_000 }],
  [
    'takes every run for a stable one',
    LOOP,
    'a crash loop must end after 10 restarts: there were ',
    { stableAfter: 0 },
  ],
  [
    'never forgets',
    'a child that was stable starts again at the first delay',
    'a child that was ready for `stableAfter` must start again at the first delay: delays were ',
    forgetful(),
  ],
])('the suite finds a backoff that %s', async (_, name, message, backoff) => {
  const said = await complaints((test) => {
    describeBackoff(backoff, { test })
  }, name)
  expect(said.get(name)).toContain(message)
})

test('a backoff that keeps a state of its own is told with the shortest life and the seed', async () => {
  let calls = 0
  const said = await complaints((test) => {
    const delay = ({ attempt }: { attempt: number }): number => {
      calls += 1
      return attempt < 3 ? 10 : calls
    }
    describeBackoff({ delay }, { test, seed: 1, runs: 20 })
  }, 'a child with random failures is back when its delay is over')
  expect(said.get('a child with random failures is back when its delay is over')).toMatch(
    /^delays must be the same when all is the same: they were .*\nsmallest case: failures after 0, 0, 0 ms of running each, random 0\nseed \d+: /,
  )
})
