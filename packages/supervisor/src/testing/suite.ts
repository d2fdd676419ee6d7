// What the conformance suites have in common: assertions, texts of values, and the test function of any runner.

/** `test` or `it` of Jest, Vitest, Mocha, `node:test`, …: a test fails if its body throws or rejects. */
export type TestFunction = (name: string, body: () => void | Promise<void>) => unknown

export interface SuiteOptions {
  readonly test: TestFunction
}

export function ensure(holds: boolean, rule: string, found: () => string): asserts holds {
  if (!holds) broken(rule, found())
}

export function broken(rule: string, found: string, cause?: unknown): never {
  throw new Error(`${rule}: ${found}`, cause === undefined ? {} : { cause })
}

/** The text of a value. Never throws. */
export function show(value: unknown): string {
  try {
    if (typeof value === 'string') return `'${value}'`
    if (typeof value === 'function') return 'a function'
    if (typeof value !== 'object' || value === null) return String(value)
    if (value instanceof Promise) return 'a promise'
    return value instanceof Error ? String(value) : JSON.stringify(value)
  } catch {
    return 'an object'
  }
}

/** Ignores the rejection of a promise that should not have been returned, which would end the process. */
export function silence(value: unknown): void {
  if (value instanceof Promise) value.catch(() => undefined)
}
