// Values that user code may throw or return although nothing is prepared for them.

/** A value that a child may have thrown. */
export interface Thrown {
  /** For messages. */
  readonly name: string
  readonly value: unknown
}

/** Thrown values that are no errors. */
export function oddValues(): readonly Thrown[] {
  return [
    ...[undefined, null, '', 'text', 0, NaN, -1, true, 7n].map((value) => ({
      name: typeof value === 'string' ? `the string '${value}'` : String(value),
      value,
    })),
    { name: 'a symbol', value: Symbol('odd') },
    { name: 'a function', value: () => undefined },
    { name: 'an array', value: [] },
    { name: 'an empty object', value: {} },
    { name: 'an object without a prototype', value: Object.create(null) },
    { name: 'a frozen error', value: Object.freeze(Object.assign(new Error('frozen'), { code: 'FROZEN' })) },
    { name: 'an error with odd fields', value: oddFields() },
    { name: 'an error that is its own cause', value: circular(1) },
    { name: 'two errors that are each other’s cause', value: circular(2) },
    { name: 'an AggregateError', value: new AggregateError([new Error('one'), undefined], 'many') },
    { name: 'an error whose getters throw', value: throwingGetters() },
    { name: 'a proxy that throws on every access', value: hostile() },
  ]
}

/** Errors with fields that a classifier could change. */
export function changeableErrors(): readonly Thrown[] {
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  return [
    { name: 'an error', value: new Error('plain') },
    {
      name: 'an error with a code',
      value: Object.assign(new Error('coded'), { code: 'ENOENT', details: { at: '/' } }),
    },
    { name: 'an error with a cause', value: new Error('caused', { cause }) },
    { name: 'an HTTP error', value: Object.assign(new Error('busy'), { status: 429 }) },
    { name: 'a TypeError', value: new TypeError('not a function') },
    { name: 'an object', value: { code: 'EMFILE', message: 'too many open files' } },
  ]
}

function oddFields(): Error {
  return Object.assign(new Error('odd'), {
    name: undefined,
    message: null,
    code: Symbol('code'),
    status: '500',
    stack: 7,
  })
}

function circular(length: number): Error {
  const errors = Array.from({ length }, (_, index) => new Error(`link ${index}`))
  for (const [index, error] of errors.entries()) error.cause = errors[(index + 1) % length]
  return errors[0] as Error
}

function throwingGetters(): Error {
  const error = new Error('hidden')
  // V8 reads the other fields to make the stack.
  for (const name of ['stack', 'name', 'message', 'code', 'cause', 'status', 'statusCode', 'supervision']) {
    Object.defineProperty(error, name, { get: refuse, configurable: true })
  }
  return error
}

/** Throws for every access except those of `instanceof`. */
function hostile(): unknown {
  return new Proxy(new Error('hostile'), {
    get: refuse,
    set: refuse,
    has: refuse,
    ownKeys: refuse,
    getOwnPropertyDescriptor: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
  })
}

/** The error that unreadable values throw. */
export const HANDS_OFF = new Error('hands off')

function refuse(): never {
  throw HANDS_OFF
}
