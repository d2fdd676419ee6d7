// Finds keys that differ in JavaScript and are equal in Python, which would keep only one of them: `1`, `1n` and
// `true`; two Dates of the same instant; arrays and Sets of these.
import { Refusal } from './refusal.ts'

/** The keys of one Map, or the elements of one Set, that were written so far. */
export class UniqueKeys {
  readonly #what: string
  readonly #seen = new Set<string>()

  private constructor(what: string) {
    this.#what = what
  }

  /** Undefined when no check is needed: keys that are all strings, or all numbers, already differ in JavaScript. */
  static of(keys: readonly unknown[], what: string): UniqueKeys | undefined {
    const kind = typeof keys[0]
    const areSafe = (kind === 'string' || kind === 'number') && keys.every((key) => typeof key === kind)
    return areSafe ? undefined : new UniqueKeys(what)
  }

  /** Adds a key. `identity`: one string for all keys that are equal in Python. Throws a Refusal for a second one. */
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

/** The identity of an array or a Set, from those of its parts. Python compares tuples in order, frozensets in any. */
export const identityOf = (kind: 'tuple' | 'frozenset', parts: readonly string[]): string =>
  kind + JSON.stringify(kind === 'tuple' ? parts : [...parts].sort())

/** The identity of a number, a bigint or a boolean, which Python compares by value; undefined for anything else. */
export function identityOfNumber(key: unknown): string | undefined {
  if (typeof key === 'boolean') return String(Number(key))
  if (typeof key === 'bigint') return String(key)
  if (typeof key === 'number') return Number.isInteger(key) ? String(BigInt(key)) : String(key)
  return undefined
}
