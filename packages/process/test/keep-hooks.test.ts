import { describe, expect, test } from '@jest/globals'
import { keep, type KeepOptions, type Kept, type KeptEvents } from '@terrarium/process'
import { pino } from 'pino'
import { declared, type HookOf } from '../../../test/support/declaration.ts'
import { explode, FAILURES, hostileLoggers, reject, failOnUncaught } from '../../../test/support/failures.ts'
import { eventually, turn } from '../../../test/support/waiting.ts'
import { freshState, onEnd, python } from './support.ts'

// Code of the user's fails in every place where keep() calls it, one place at a time and all at once.

type Fail = () => never
/** `told`: what the log has, once. `over`: true if the program does not become ready. */
interface Row<TValue> {
  readonly hostile: (fail: Fail) => TValue
  readonly told?: RegExp
  readonly over?: true
}
type Rows = { readonly [K in HookOf<KeepOptions>]: Row<NonNullable<KeepOptions[K]>> | 'data' }

const OPTIONS: Rows = {
  backoff: { hostile: (delay) => ({ delay, max: 5 }), told: /^`backoff\.delay` of supervisor kept failed$/ },
  breaker: 'data',
  classify: { hostile: (fail) => fail, told: /^`classify` of supervisor kept failed$/ },
  clock: {
    // A clock that never calls back stands still.
    hostile: (fail) => ({ now: fail, setTimeout: fail === FAILURES.nonsense ? setTimeout : fail, clearTimeout: fail }),
    told: /^clock\.now\(\) of program kept failed$/,
  },
  env: 'data',
  inspect: { hostile: (fail) => ({ next: fail }), told: /^the inspector of supervisor kept failed$/ },
  logger: { hostile: (fail) => hostileLoggers(fail)[0] as NonNullable<KeepOptions['logger']> },
  ready: { hostile: (fail) => fail, over: true },
  runtime: { hostile: (spawn) => ({ spawn, census: () => [] }) as never, over: true },
}
const EVENTS: { readonly [E in keyof KeptEvents]: true } = {
  'child.backoff': true,
  'child.crash_loop': true,
  'child.exit': true,
  'child.parked': true,
  'child.ready': true,
  'child.restart': true,
  'child.resume_dropped': true,
  'child.start': true,
  'child.unparked': true,
  'program.held': true,
  'program.line': true,
  'program.ready': true,
  'program.start': true,
  'supervisor.exit': true,
}

test('each member of the options that may hold code of the user’s has a row, and each event', () => {
  expect(Object.keys(OPTIONS).sort()).toEqual(declared('packages/process/src/keep/keep.ts', 'KeepOptions').hooks)
  expect(Object.keys(EVENTS).sort()).toEqual(declared('packages/process/src/keep/keep.ts', 'KeptEvents').members)
})

failOnUncaught()

const rows = Object.entries(OPTIONS).filter((entry): entry is [string, Row<never>] => entry[1] !== 'data')

/** Starts a program, kills it, waits until it is back, and stops it. Returns the log. */
async function live(options: KeepOptions, hear: (kept: Kept) => void, over = false): Promise<string[]> {
  const said: string[] = []
  const sink = { write: (line: string) => said.push((JSON.parse(line) as { msg: string }).msg) }
  const own = options.runtime === undefined ? { python, stateDir: freshState() } : {}
  const kept = keep('sh', ['-c', 'echo up; exec sleep 60'], {
    logger: pino({}, sink),
    name: 'kept',
    lines: true,
    ready: /^up$/, // so that it has said a line before anything happens to it
    backoff: { first: 5, jitter: 'none', maxAttempts: 2 },
    startTimeout: 5_000,
    ...own,
    ...options,
  })
  onEnd(() => kept.stop().catch(() => undefined))
  hear(kept)
  if (over) await expect(kept.whenReady()).rejects.toMatchObject({ message: expect.any(String) })
  else {
    await kept.whenReady()
    const { pid = 0 } = kept
    process.kill(pid, 'SIGKILL')
    await eventually('it runs again', () => kept.status === 'running' && kept.pid !== pid, 30_000)
  }
  await kept.stop()
  expect(kept).toMatchObject({ status: 'stopped' })
  await turn()
  return said
}

const told = (said: readonly string[], pattern: RegExp): number => said.filter((line) => pattern.test(line)).length

describe.each(Object.entries(FAILURES))('user code that answers with %s', (how, fail) => {
  test.each(rows)('option %s', async (name, { hostile, told: pattern, over }) => {
    const isAnswer = how === 'nonsense' && ['ready', 'inspect'].includes(name)
    const said = await live({ [name]: hostile(fail) }, () => undefined, over === true && !isAnswer)
    if (pattern !== undefined && !isAnswer) expect(told(said, pattern)).toBe(1)
  })
})

test.each([
  ['explode', explode],
  ['reject', reject],
])('all options that let a program start, and listeners for every event, fail at once by %s', async (_, fail) => {
  const all = Object.fromEntries(rows.filter(([, { over }]) => over !== true).map(([name, row]) => [name, row.hostile(fail)])) // prettier-ignore
  const hear = (kept: Kept): void => {
    for (const event of Object.keys(EVENTS) as (keyof KeptEvents)[]) kept.on(event, fail)
  }
  await live(all, hear)
  const said = await live({}, hear)
  for (const event of ['child.start', 'child.exit', 'program.line', 'supervisor.exit']) {
    expect(told(said, new RegExp(`^a listener for ${event} failed$`))).toBeGreaterThan(0)
  }
})

test('listeners that call back at every event find a program that answers', async () => {
  let calls = 0
  const stops: Promise<void>[] = []
  await live({}, (kept) => {
    for (const event of Object.keys(EVENTS) as (keyof KeptEvents)[]) {
      const listener = (): void => {
        calls += 1
        kept.off(event, listener)
        kept.on(event, () => undefined)
        expect(kept.status).toEqual(expect.any(String))
        if (event === 'supervisor.exit') stops.push(kept.stop())
        kept.whenReady().catch(() => undefined)
      }
      kept.on(event, listener)
    }
  })
  await Promise.all(stops)
  expect(stops).toHaveLength(1)
  expect(calls).toBeGreaterThan(5)
})
