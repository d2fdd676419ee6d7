// Writes what the core knows as JSON: a journal, or effects for comparison. Errors, actors and functions become
// numbers, so that two mentions of one thing stay one thing.
import { isSupervisor } from '../base/brand.ts'
import { isFields, isList, type Fields } from '../base/checker.ts'
import { plainError } from '../base/plain-error.ts'
import { isRef } from '../core/operation.ts'
import { Child } from '../core/state.ts'
import { classify, ownClass, PATIENCE } from '../policy/classify.ts'
import type { FailureClass, FailureInfo } from '../policy/failure.ts'
import { Failure, fingerprint } from '../policy/fingerprint.ts'
import { LateFailure } from '../policy/late-failure.ts'
import type { ErrorRecord } from '../policy/recorded.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

/** An error in a journal. Name, message and code are left out if the journal was made without them. */
export interface ErrorJson extends ErrorRecord {
  readonly name?: string
  readonly message?: string
  readonly code?: string | number
}

/** What a journal keeps of errors: name, message and code, or none of these. */
export type ErrorTexts = 'message' | 'none'

/** In levels. What is deeper is not data that the core works with. */
const DEEPEST = 16
/** In levels, for data of the user's. */
const DEEPEST_DATA = 101

/** Fields that are never written: what users compute with, functions that answer, and what only the shell knows. */
const LEFT_OUT: ReadonlySet<string> = new Set(['reply', 'output', 'history', 'stopper', 'isOver'])

/** Numbers things in the order in which they are met first. */
export class Numbers<T> {
  readonly #known = new Map<T, number>()

  of(thing: T): number {
    const known = this.#known.get(thing)
    if (known !== undefined) return known
    const number = this.#known.size
    this.#known.set(thing, number)
    return number
  }

  /** The things, by their numbers. */
  get all(): readonly T[] {
    return [...this.#known.keys()]
  }
}

export class Encoder {
  readonly texts: ErrorTexts
  readonly refs: Numbers<unknown>
  readonly #errors = new Numbers<unknown>()
  readonly #objects = new Numbers<unknown>()
  readonly #isInline: boolean

  /**
   * @param isInline - true: errors are written where they are mentioned, for effects
   *
   * @param refs - the actors that have numbers already
   */
  constructor(texts: ErrorTexts, isInline = false, refs = new Numbers<unknown>()) {
    this.texts = texts
    this.refs = refs
    this.#isInline = isInline
  }

  /** The errors that were mentioned, by their numbers. */
  get errors(): readonly ErrorJson[] {
    return this.#errors.all.map((error) => errorToJson(error, this.texts))
  }

  /** A field of this name. `undefined` if it is left out. */
  field(name: string, value: unknown, depth = 0): Json | undefined {
    if (value === undefined && name !== 'error') return undefined
    if (LEFT_OUT.has(name)) return undefined
    if (name === 'error' || name === 'fault') return this.error(value)
    if (name === 'detail') return value instanceof Error ? this.error(value) : undefined
    if (name === 'input') return { $object: this.#objects.of(value) }
    return this.value(value, depth)
  }

  error(error: unknown): Json {
    if (!this.#isInline) return { $error: this.#errors.of(error) }
    return this.texts === 'none' ? {} : { ...plainError(error) }
  }

  /** Any value of the core. `undefined` within a list becomes null. */
  value(value: unknown, depth = 0): Json {
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
    if (typeof value === 'number') return Number.isFinite(value) ? value : { $number: String(value) }
    if (typeof value === 'function') return { $function: this.#objects.of(value) }
    if (value === undefined) return null
    try {
      return this.#object(value, depth)
    } catch {
      return { $unreadable: true }
    }
  }

  #object(value: unknown, depth: number): Json {
    if (value instanceof Failure || value instanceof LateFailure) return { $failure: this.#fields(facts(value), depth) }
    if (value instanceof Child) return value.id
    if (isRef(value)) return { $ref: this.refs.of(value), id: value.id }
    if (depth === DEEPEST) return { $object: this.#objects.of(value) }
    if (isList(value)) return value.map((each) => this.value(each, depth + 1))
    if (isFields(value)) return this.#fields(value, depth)
    return { $object: this.#objects.of(value) }
  }

  /** The fields of an object that are written. */
  #fields(value: object, depth: number): JsonObject {
    const written: Record<string, Json> = {}
    for (const [name, each] of Object.entries(value)) {
      const json = this.field(name, each, depth + 1)
      if (json !== undefined) written[name] = json
    }
    return written
  }

  /** Data of the user's: only what JSON has, whatever its fields are called. */
  data(value: unknown, depth = 0): Json {
    if (isList(value) && depth < DEEPEST_DATA) return value.map((each) => this.data(each, depth + 1))
    if (!isPlain(value) || depth === DEEPEST_DATA) return this.value(value, DEEPEST)
    const entries = Object.entries(value).filter(([, each]) => each !== undefined)
    return Object.fromEntries(entries.map(([name, each]) => [name, this.data(each, depth + 1)]))
  }

  /**
   * A child specification as it was given. What was given as an object keeps its identity, because the same
   * specification again changes nothing.
   */
  spec(given: unknown): Json {
    if (!isFields(given)) return this.value(given)
    try {
      const written: Record<string, Json> = {}
      for (const [name, value] of Object.entries(given)) {
        const json = this.#specField(name, value)
        if (json !== undefined) written[name] = json
      }
      return written
    } catch {
      return { $unreadable: true }
    }
  }

  #specField(name: string, value: unknown): Json | undefined {
    if (value === undefined) return undefined
    const number = (): number => this.#objects.of(value)
    if (name === 'input') return { $object: number() }
    if (name === 'meta') return { $data: number(), value: this.data(value) }
    if (name === 'logic' && typeof value === 'object' && value !== null) {
      return { $logic: number(), ...(isSupervisor(value) ? { supervisor: true } : {}) }
    }
    if ((name === 'backoff' || name === 'breaker') && isFields(value)) {
      return { $group: number(), fields: this.#fields(value, 0) }
    }
    return this.value(value)
  }
}

function isPlain(value: unknown): value is Fields {
  return isFields(value) && Object.getPrototypeOf(value) === Object.prototype
}

/** The fingerprint is computed when it is read first. */
function facts({ error, class: kind, fingerprint: known, phase, attempts, at }: FailureInfo): object {
  return { error, class: kind, fingerprint: known, phase, attempts, at }
}

function errorToJson(error: unknown, texts: ErrorTexts): ErrorJson {
  const fingerprints = { start: fingerprint(error, 'start'), run: fingerprint(error, 'run') }
  const shown = texts === 'none' ? {} : plainError(error)
  let own: FailureClass | undefined
  try {
    own = ownClass(error)
  } catch {
    own = 'unknown' // as classify() has it
  }
  if (own !== undefined) return { ...shown, own, class: own, fingerprints }
  const [early, late] = [1, PATIENCE + 1].map((attempts) =>
    classify(error, { id: '', phase: 'run', attempts, uptime: 0 }, undefined),
  )
  return {
    ...shown,
    class: early ?? 'unknown',
    ...(late === early || late === undefined ? {} : { later: late }),
    fingerprints,
  }
}
