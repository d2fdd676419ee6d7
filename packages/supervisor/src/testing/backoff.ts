// The conformance suite for backoffs.
import { fromPromise } from '../actor/xstate.ts'
import { DEFAULT_BACKOFF, nextDelay, type Backoff, type BackoffOptions, type DelayInput } from '../policy/backoff.ts'
import { createSupervisor } from '../handle.ts'
import { failingMachine } from './failing-machine.ts'
import { forAll, type PropertyOptions } from './generate.ts'
import { livesOf } from './random-lives.ts'
import { broken, ensure, show, silence, type SuiteOptions } from './suite.ts'
import { Trial } from './trial.ts'

const ID = 'child'
/** The number of attempts after which the suite ends a backoff that sets no end itself. */
const MOST_ATTEMPTS = 100
const RANDOM_LIVES = 5

export interface BackoffSuiteOptions extends SuiteOptions, PropertyOptions {}

/**
 * Tests a backoff with every possible input, in a crash loop, and with random failures of a child in a real supervisor
 * on a virtual clock: an error of the latter tells the shortest life that breaks a rule, and the seed.
 */
export function describeBackoff(options: BackoffOptions, { test, seed, runs }: BackoffSuiteOptions): void {
  const backoff: Backoff = { ...DEFAULT_BACKOFF, ...options }

  test('a backoff has valid options', () => {
    const { max } = backoff
    createSupervisor({ id: 'suite', children: [{ id: ID, logic: failingMachine, backoff: options }] })
    ensure(max >= 0, 'max must be 0 or more', () => `it is ${max}`)
  })

  test('delays are whole ms from 0 to `max`', () => {
    for (const input of inputs(backoff)) {
      if (backoff.delay !== undefined) mustBeNumber(backoff.delay, input)
      const delay = nextDelay(backoff, input)
      ensure(
        Number.isInteger(delay) && delay >= 0 && delay <= backoff.max,
        `a delay must be whole ms from 0 to ${backoff.max}`,
        () => `it is ${delay} for ${show(input)}`,
      )
    }
  })

  test('delays are the same for the same input', () => {
    for (const input of inputs(backoff)) {
      const delays = [nextDelay(backoff, input), nextDelay(backoff, input)]
      const rule = 'a delay must depend on its input only'
      ensure(delays[0] === delays[1], rule, () => `it is ${delays.join(' and then ')} for ${show(input)}`)
    }
  })

  test('a crash loop makes progress and ends parked', () => crashLoop(backoff))
  test('a child that was stable starts again at the first delay', () => stableRun(backoff))
  test('a child with random failures is back when its delay is over', () =>
    forAll(livesOf(options, backoff.max), { seed, runs }, RANDOM_LIVES))
}

function* inputs({ max }: Backoff): Generator<DelayInput> {
  for (let attempt = 1; attempt <= 100; attempt += 1) {
    for (const random of [0, 0.5, 1 - Number.EPSILON]) {
      for (const previous of attempt === 1 ? [0] : [0, max]) {
        for (const scale of [1, 5]) yield Object.freeze({ attempt, previous, random, scale })
      }
    }
  }
}

/** Calls `delay()` without the corrections of the core. */
function mustBeNumber(delay: NonNullable<Backoff['delay']>, input: DelayInput): void {
  let answer: unknown
  try {
    answer = delay(input)
  } catch (error) {
    broken('delay() must not throw', `it threw ${show(error)} for ${show(input)}`, error)
  }
  silence(answer)
  ensure(
    Number.isFinite(answer) && (answer as number) >= 0,
    'delay() must return a finite number, 0 or more',
    () => `it returned ${show(answer)} for ${show(input)}`,
  )
}

async function crashLoop(backoff: Backoff): Promise<void> {
  const maxAttempts = Math.min(backoff.maxAttempts, MOST_ATTEMPTS)
  const logic = fromPromise(() => Promise.reject(new Error('fails for ever')))
  const trial = new Trial({ breaker: 'off', children: [{ id: ID, logic, backoff: { ...backoff, maxAttempts } }] })
  const { clock } = trial
  await trial.run('after a crash loop', async () => {
    const since = clock.now()
    const soFar = (): string => `${trial.starts} starts in ${clock.now()} ms`
    while (trial.child(ID)?.state !== 'parked') {
      ensure(!trial.hasEnded, 'a crash loop must not spin', () => `the supervisor gave up after ${soFar()}`)
      ensure(
        trial.starts <= maxAttempts + 1,
        `a crash loop must end after ${maxAttempts} restarts`,
        () => `there were ${soFar()}, stableAfter being ${backoff.stableAfter}`,
      )
      await clock.advance(Math.max(1, (trial.child(ID)?.until ?? 0) - clock.now()))
    }
    ensure(
      trial.startedAt - since <= backoff.maxElapsed + backoff.max,
      `a crash loop must end after ${backoff.maxElapsed} ms`,
      soFar,
    )
    const { starts } = trial
    await clock.advance(10 * backoff.max + 1)
    ensure(trial.starts === starts, 'a parked child must stay down', () => `there were ${soFar()}`)
    ensure(clock.pending === 0, 'no timer must be left', () => `${clock.pending} wait after ${soFar()}`)
  })
}

async function stableRun(backoff: Backoff): Promise<void> {
  const patient = { ...backoff, maxAttempts: MOST_ATTEMPTS, maxElapsed: Infinity }
  const trial = new Trial({ breaker: 'off', children: [{ id: ID, logic: failingMachine, backoff: patient }] })
  await trial.run('after a stable run', async () => {
    const first = await timeToRestart(trial)
    const later = [await timeToRestart(trial), await timeToRestart(trial)]
    await trial.clock.advance(backoff.stableAfter)
    const again = await timeToRestart(trial)
    ensure(
      again === first,
      'a child that was ready for `stableAfter` must start again at the first delay',
      () => `delays were ${first}, ${later.join(', ')}, and ${again} after a run of ${backoff.stableAfter} ms`,
    )
  })
}

/** Lets the child fail. Returns how long it was down, in ms. */
async function timeToRestart(trial: Trial): Promise<number> {
  const failedAt = trial.clock.now()
  await trial.fail(ID)
  const { until = failedAt } = trial.child(ID) ?? {}
  await trial.clock.advance(until - failedAt)
  const state = trial.child(ID)?.state
  ensure(state === 'running', 'a child must be back when its delay is over', () => `it is ${state ?? 'gone'}`)
  return trial.startedAt - failedAt
}
