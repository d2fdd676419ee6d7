// A small generator for property tests: random cases from a seed, and the smallest case that still fails. It is no
// dependency, because the suites run wherever the package does.
import { show } from './suite.ts'

/** Draws from a seed: the same seed gives the same cases. */
export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** From 0 inclusive to 1 exclusive (mulberry32). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.whole(0, list.length - 1)] as T
  }

  /** Each element with this probability, in order. */
  some<T>(list: readonly T[], probability = 0.5): T[] {
    return list.filter(() => this.chance(probability))
  }
}

export interface Property<T> {
  readonly make: (draw: Draw) => T
  /** Smaller cases than this one, the smallest first. Endless shrinking is cut off. */
  readonly smaller: (found: T) => Iterable<T>
  /** Throws for a case that breaks a rule. */
  readonly check: (given: T) => void | Promise<void>
  /** The case in words. */
  readonly tell: (found: T) => string
}

export interface PropertyOptions {
  /** Of the random cases; default: another one each time. An error names it. */
  readonly seed?: number | undefined
  /** The number of random cases. */
  readonly runs?: number | undefined
}

/** The number of smaller cases that are tried at most. */
const MOST_SHRINKS = 500

/** Checks random cases. Throws an error with the smallest case that breaks a rule, and the seed. */
export async function forAll<T>(property: Property<T>, options: PropertyOptions, usual: number): Promise<void> {
  const { seed = Math.floor(Math.random() * 2 ** 31), runs = usual } = options
  for (let run = 0; run < runs; run += 1) {
    const found = property.make(new Draw(seed + run))
    const error = await faultOf(property, found)
    if (error === undefined) continue
    const smallest = await shrink(property, { found, error })
    const again = `seed ${seed + run}: give the suite { seed: ${seed + run} } to begin with this case`
    throw new Error(`${smallest.error.message}\nsmallest case: ${property.tell(smallest.found)}\n${again}`, {
      cause: smallest.error,
    })
  }
}

interface Failed<T> {
  readonly found: T
  readonly error: Error
}

async function shrink<T>(property: Property<T>, first: Failed<T>): Promise<Failed<T>> {
  let smallest = first
  let left = MOST_SHRINKS
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false
    for (const found of property.smaller(smallest.found)) {
      left -= 1
      if (left < 0) return smallest
      const error = await faultOf(property, found)
      if (error === undefined) continue
      smallest = { found, error }
      isSmaller = true
      break
    }
  }
  return smallest
}

async function faultOf<T>({ check }: Property<T>, given: T): Promise<Error | undefined> {
  try {
    await check(given)
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(show(error))
  }
}

/** The list without each of its elements, one at a time, and the halves of a long list first. */
export function* shorter<T>(list: readonly T[]): Generator<readonly T[]> {
  if (list.length > 3) {
    const half = Math.floor(list.length / 2)
    yield list.slice(0, half)
    yield list.slice(half)
  }
  for (const index of list.keys()) yield list.filter((_, other) => other !== index)
}
