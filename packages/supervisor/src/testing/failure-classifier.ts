// The conformance suite for failure classifiers.
import { isFailureClass } from '../policy/classify.ts'
import type { FailureClassifier, FailureContext } from '../policy/failure.ts'
import { forAll, type PropertyOptions } from './generate.ts'
import { drawContext, drawError, makeError, smallerCases, tellCase, type ErrorCase } from './random-errors.ts'
import { changeableErrors, HANDS_OFF, oddValues, type Thrown } from './odd-values.ts'
import { broken, ensure, show, silence, type SuiteOptions } from './suite.ts'

export interface FailureClassifierSuiteOptions extends SuiteOptions, PropertyOptions {
  /** Errors for which the classifier has rules. */
  readonly errors?: readonly unknown[]
}

interface Question extends Thrown {
  /** Its fields as they should be; default: as they are. */
  readonly before?: ReadonlyMap<string, unknown>
}

/**
 * Tests a classifier with all kinds of thrown values, and with random errors: an error of that test tells the smallest
 * error that breaks a rule, and the seed.
 */
export function describeFailureClassifier(
  classify: FailureClassifier,
  { test, errors = [], seed, runs }: FailureClassifierSuiteOptions,
): void {
  // A classifier may change errors in any test, so their fields are read before the first one.
  const given = errors.map((value, index) => ({ name: `errors[${index}]`, value, before: fieldsOf(value) }))
  const all = (): readonly Question[] => [...given, ...changeableErrors(), ...oddValues()]
  const each = (check: (thrown: Question, context: FailureContext) => void) => (): void => {
    for (const thrown of all()) for (const context of contexts()) check(thrown, context)
  }

  const every = [neverThrows, answersWithClass, answersAlike, changesNothing].map((check) => check(classify))
  test('a classifier bears random errors', () =>
    forAll<ErrorCase>(
      {
        make: (draw) => ({ error: drawError(draw), context: drawContext(draw) }),
        smaller: smallerCases,
        check: ({ error, context }) => {
          for (const check of every) check({ name: 'a random error', value: makeError(error) }, context)
        },
        tell: tellCase,
      },
      { seed, runs },
      RANDOM_ERRORS,
    ))
  test('a classifier never throws', each(neverThrows(classify)))
  test('a classifier answers with a failure class or undefined', each(answersWithClass(classify)))
  test('a classifier gives the same answer twice', each(answersAlike(classify)))
  test('a classifier does not change the error', each(changesNothing(classify)))
}

const RANDOM_ERRORS = 1_000

type Check = (classify: FailureClassifier) => (thrown: Question, context: FailureContext) => void

const neverThrows: Check = (classify) => (thrown, context) => {
  ask(classify, thrown, context)
}

const answersWithClass: Check = (classify) => (thrown, context) => {
  const answer = ask(classify, thrown, context)
  ensure(
    answer === undefined || isFailureClass(answer),
    'a classifier must answer with a failure class or undefined',
    () => `it answered ${show(answer)} ${tell(thrown, context)}`,
  )
}

const answersAlike: Check = (classify) => (thrown, context) => {
  const [one, other] = [ask(classify, thrown, context), ask(classify, thrown, context)]
  const rule = 'a classifier must give the same answer twice'
  ensure(
    show(one) === show(other),
    rule,
    () => `it answered ${show(one)} and then ${show(other)} ${tell(thrown, context)}`,
  )
}

const changesNothing: Check = (classify) => (thrown, context) => {
  const { before = fieldsOf(thrown.value) } = thrown
  ask(classify, thrown, context)
  const after = fieldsOf(thrown.value)
  const changed = [...new Set([...before.keys(), ...after.keys()])].find(
    (field) => before.has(field) !== after.has(field) || !Object.is(before.get(field), after.get(field)),
  )
  const rule = 'a classifier must not change the error'
  ensure(changed === undefined, rule, () => `it changed ${changed ?? ''} ${tell(thrown, context)}`)
}

function* contexts(): Generator<FailureContext> {
  for (const phase of ['start', 'run'] as const) {
    for (const attempts of [1, 3, 10]) yield Object.freeze({ id: 'child', phase, attempts, uptime: attempts * 1_000 })
  }
}

function ask(classify: FailureClassifier, thrown: Thrown, context: FailureContext): unknown {
  try {
    const answer: unknown = classify(thrown.value, context)
    silence(answer)
    return answer
  } catch (error) {
    if (error === HANDS_OFF) return undefined // the value throws, not the classifier
    broken('a classifier must not throw', `it threw ${show(error)} ${tell(thrown, context)}`, error)
  }
}

function tell({ name, value }: Thrown, { phase, attempts }: FailureContext): string {
  const text = name.startsWith('errors[') ? `${name}, ${show(value)}` : name
  return `for ${text} (phase ${phase}, attempts ${attempts})`
}

const DEEPEST = 4

/** All fields of a value that can be changed, by path. A field that cannot be read is left out. */
function fieldsOf(value: unknown, path = '', fields = new Map<string, unknown>()): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || path.split('.').length > DEEPEST) return fields
  try {
    fields.set(`${path}[[prototype]]`, Object.getPrototypeOf(value))
    fields.set(`${path}[[extensible]]`, Object.isExtensible(value))
    for (const key of Reflect.ownKeys(value)) {
      const descriptor: { value?: unknown; get?: unknown } | undefined = Object.getOwnPropertyDescriptor(value, key)
      const held: unknown = descriptor?.value
      const at = `${path}${String(key)}`
      fields.set(at, descriptor?.get ?? held)
      fieldsOf(held, `${at}.`, fields)
    }
  } catch {
    // a proxy or getter that throws
  }
  return fields
}
