// The ways in which a user's code can fail, and how a test notices errors that nothing handles.
import { afterEach, beforeEach, expect } from '@jest/globals'
import { turn } from './waiting.ts'

/** The error of every failing function. */
export const boom = new Error('boom')

export const explode = (): never => {
  throw boom
}

/** An async function that fails. */
export const reject = (): never => Promise.reject(boom) as never

/** Returns a thenable that breaks the rules of promises: it rejects twice and throws. */
export const thenable = (): never =>
  ({
    then: (_: unknown, rejected: (error: Error) => void) => {
      rejected(boom)
      rejected(boom)
      throw boom
    },
  }) as never

/** Returns an object that no caller can use. */
const nonsense = (): never => ({ so: 'what' }) as never

export const FAILURES = { explode, reject, thenable, nonsense }

export type Failing = () => never

const methods = (names: readonly string[], fail: Failing): object =>
  Object.fromEntries(names.map((name) => [name, fail]))

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

/** Loggers that fail in every method, in `child`, in getters, or in what `child` returns. */
export const hostileLoggers = (fail: Failing): readonly object[] => [
  methods([...LEVELS, 'child'], fail),
  { ...methods(LEVELS, fail), child: () => methods([...LEVELS, 'child'], fail) },
  Object.defineProperties(
    {},
    Object.fromEntries([...LEVELS, 'child', 'now', 'setTimeout', 'next'].map((name) => [name, { get: explode }])),
  ),
]

/** Collects uncaught errors and unhandled rejections until `end` is called. */
export function watchUncaught(): { readonly uncaught: unknown[]; end(): Promise<void> } {
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', note).on('unhandledRejection', note)
  return {
    uncaught,
    end: async () => {
      await turn()
      process.off('uncaughtException', note).off('unhandledRejection', note)
    },
  }
}

/**
 * Makes each test of the file fail on an uncaught error, and silences `console.error`. Returns what `console.error` was given since the test began.
 */
export function failOnUncaught(): { readonly printed: unknown[][] } {
  const printed: unknown[][] = []
  const { error: print } = console
  let watch: ReturnType<typeof watchUncaught>
  beforeEach(() => {
    watch = watchUncaught()
    printed.length = 0
    console.error = (...values: unknown[]) => void printed.push(values)
  })
  afterEach(async () => {
    await watch.end()
    console.error = print
    expect(watch.uncaught).toEqual([])
  })
  return { printed }
}
