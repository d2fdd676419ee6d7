import { describe, expect, test } from '@jest/globals'
import type { FailureClass } from '@terrarium/supervisor'
import type { FailureClassifier } from '@terrarium/supervisor/strategies'
import { describeFailureClassifier } from '@terrarium/supervisor/testing'
import { complaints } from './complaints.ts'

class OutOfQuota extends Error {}

const byClass: FailureClassifier = (error) => (error instanceof OutOfQuota ? 'overload' : undefined)

const byCode: FailureClassifier = (error, { attempts }) => {
  try {
    const { code } = error as { code?: unknown }
    return code === 'EBUSY' && attempts < 5 ? 'transient' : undefined
  } catch {
    return 'unknown'
  }
}

describe.each([
  ['a classifier by class', byClass],
  ['a classifier by code', byCode],
  ['a classifier without an opinion', () => undefined],
])('%s', (_, classify) => {
  describeFailureClassifier(classify, { test, errors: [new OutOfQuota('too much'), { code: 'EBUSY' }] })
})

const NEVER_THROWS = 'a classifier never throws'

const CLASS = 'a classifier answers with a failure class or undefined'

const UNCHANGED = 'a classifier does not change the error'

/** Keeps its exceptions to itself. */
const quietly =
  (act: (error: Record<string, unknown>) => void): FailureClassifier =>
  (error) => {
    try {
      act(error as Record<string, unknown>)
    } catch {
      // as if nothing had been
    }
    return undefined
  }

test.each<[what: string, test: string, message: string, classify: FailureClassifier]>([
  [
    'takes everything for an error',
    NEVER_THROWS,
    "a classifier must not throw: it threw TypeError: Cannot read properties of undefined (reading 'message') for undefined (phase start, attempts 1)",
    (error) => ((error as Error).message.length === 0 ? 'bug' : undefined),
  ],
  [
    'follows causes in a circle',
    NEVER_THROWS,
    'it threw Error: too deep for an error that is its own cause',
    (error) => {
      let depth = 0
      for (let link = error; link instanceof Error; link = Object.getOwnPropertyDescriptor(link, 'cause')?.value) {
        depth += 1
        if (depth > 100) throw new Error('too deep')
      }
      return undefined
    },
  ],
  [
    'writes on a frozen error',
    NEVER_THROWS,
    'it threw TypeError: Cannot assign to read only property',
    (error) => {
      if (error instanceof Error && Object.isFrozen(error)) error.message = 'seen'
      return undefined
    },
  ],
  [
    'does not know an error it should know',
    NEVER_THROWS,
    'it threw Error: no idea for errors[0], Error: too much (phase start, attempts 1)',
    (error) => {
      if (error instanceof OutOfQuota) throw new Error('no idea')
      return undefined
    },
  ],
  [
    'invents a class',
    CLASS,
    "a classifier must answer with a failure class or undefined: it answered 'fatal' for errors[0], Error: too much (phase start, attempts 1)",
    () => 'fatal' as FailureClass,
  ],
  [
    'answers later',
    CLASS,
    'a classifier must answer with a failure class or undefined: it answered a promise for errors[0]',
    (() => Promise.reject(new Error('later'))) as unknown as FailureClassifier,
  ],
  [
    'changes its mind',
    'a classifier gives the same answer twice',
    "a classifier must give the same answer twice: it answered 'bug' and then undefined for errors[0]",
    (() => {
      let calls = 0
      return () => {
        calls += 1
        return calls % 2 === 1 ? 'bug' : undefined
      }
    })(),
  ],
  [
    'marks the error',
    UNCHANGED,
    'a classifier must not change the error: it changed seen for errors[0], Error: too much',
    quietly((error) => (error.seen = true)),
  ],
  [
    'changes a message',
    UNCHANGED,
    'a classifier must not change the error: it changed message for errors[0]',
    quietly((error) => (error.message = 'seen')),
  ],
  [
    'removes a field',
    UNCHANGED,
    'a classifier must not change the error: it changed code for an error with a code',
    quietly((error) => delete error.code),
  ],
  [
    'marks the cause',
    UNCHANGED,
    'a classifier must not change the error: it changed cause.seen for an error with a cause',
    quietly((error) => ((error.cause as Record<string, unknown>).seen = true)),
  ],
  [
    'freezes the error',
    UNCHANGED,
    'a classifier must not change the error: it changed [[extensible]] for errors[0]',
    quietly((error) => Object.freeze(error)),
  ],
])('the suite finds a classifier that %s', async (_, name, message, classify) => {
  const said = await complaints((test) => {
    describeFailureClassifier(classify, { test, errors: [new OutOfQuota('too much')] })
  }, name)
  expect(said.get(name)).toContain(message)
})

test('a classifier that only a random error brings down is told with the smallest error and the seed', async () => {
  const classify: FailureClassifier = (error, { attempts }) => {
    const { cause } = (error ?? {}) as { cause?: { code?: unknown } }
    if (attempts > 10 && cause?.code === 'EBUSY') throw new Error('too busy')
    return undefined
  }
  const told = async (seed: number): Promise<string> => {
    const said = await complaints((test) => {
      describeFailureClassifier(classify, { test, seed, runs: 10_000 })
    }, 'a classifier bears random errors')
    return said.get('a classifier bears random errors') ?? ''
  }
  const text = await told(3)
  expect(text).toMatch(/^a classifier must not throw: it threw Error: too busy for a random error/)
  const smallest = '{"kind":"Error","message":"","cause":{"kind":"Error","message":"","code":"EBUSY"}}'
  expect(text).toMatch(
    new RegExp(`\nsmallest case: ${smallest}, phase (run|start), attempts 11, uptime 0 ms\nseed \\d+: `),
  )
  expect(await told(Number(/seed (\d+)/.exec(text)?.[1]))).toBe(text)
})

test.each<[string, FailureClassifier]>([
  ['reads a code', (error) => ((error as { code?: unknown } | undefined)?.code === 'EBUSY' ? 'transient' : undefined)],
  ['looks for a field', (error) => (error instanceof Error && 'errno' in error ? 'transient' : undefined)],
  [
    'reads the message',
    (error) => (error instanceof Error && /denied/.test(error.message) ? 'configuration' : undefined),
  ],
])('a classifier that %s need not bear what does not want to be looked at', async (_, classify) => {
  const said = await complaints((test) => {
    describeFailureClassifier(classify, { test })
  })
  expect([...said]).toEqual([])
})
