import { Refusal } from './refusal.ts'

/**
 * Watches over the keys of one Map, or the elements of one Set. Some keys differ in JavaScript and are equal in Python,
 * which would lose all but one of them: `1`, `1n` and `true`; two Dates of the same instant; arrays and Sets of these.
 */
export class UniqueKeys {
  readonly #what: string
  readonly #seen = new Set<string>()

  private constructor(what: string) {
    this.#what = what
  }

  /** Undefined when no two of these can be one in Python: JavaScript's Map and Set have seen to that. */
  static of(keys: readonly unknown[], what: string): UniqueKeys | undefined {
    const kind = typeof keys[0]
    const areSafe = (kind === 'string' || kind === 'number') && keys.every((key) => typeof key === kind)
    return areSafe ? undefined : new UniqueKeys(what)
  }

  /** `identity`: one string for all keys that are equal in Python. Throws a Refusal. */
  add(identity: string): void {
    if (!this.#seen.has(identity)) {
      this.#seen.add(identity)
      return
    }
    throw new Refusal(`${this.#what} that are the same to Python, as 1 and true are, cannot be sent`, {
      hint: 'Make them differ, or send an array of them.',
    })
  }
}

/** Of an array or a Set, by the identities of its parts. Python compares tuples by order, and frozensets without. */
export const identityOf = (kind: 'tuple' | 'frozenset', parts: readonly string[]): string =>
  kind + JSON.stringify(kind === 'tuple' ? parts : [...parts].sort())

/** Numbers of all kinds are compared by what they are worth. */
export function identityOfNumber(key: unknown): string | undefined {
  if (typeof key === 'boolean') return String(Number(key))
  if (typeof key === 'bigint') return String(key)
  if (typeof key === 'number') return Number.isInteger(key) ? String(BigInt(key)) : String(key)
  return undefined
}
