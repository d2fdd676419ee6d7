// Reads what the encoder has written. Actors, functions and errors become stand-ins: one for each number.
import type { AnyActorRef } from 'xstate'
import { SUPERVISOR } from '../base/brand.ts'
import { isFields, isList, type Fields } from '../base/checker.ts'
import { imagined } from '../core/rehearsal.ts'
import type { FailureClassifier } from '../policy/failure.ts'
import { Failure } from '../policy/fingerprint.ts'
import { RecordedError } from '../policy/recorded.ts'
import type { Backoff } from '../policy/backoff.ts'
import { Numbers, type ErrorJson } from './encoder.ts'

/** The functions that stand for the user's. */
export interface Functions {
  readonly classify: FailureClassifier
  readonly delay: NonNullable<Backoff['delay']>
}

export class Decoder {
  readonly errors: readonly RecordedError[]
  readonly #functions: Functions
  readonly #refs = new Map<number, AnyActorRef>()
  readonly #objects = new Map<number, unknown>()

  constructor(errors: readonly ErrorJson[], functions: Functions) {
    this.errors = errors.map((error) => new RecordedError(error, error))
    this.#functions = functions
  }

  /** The actors with the numbers that they have in the journal. */
  get refs(): Numbers<unknown> {
    const numbers = new Numbers<unknown>()
    const last = Math.max(-1, ...this.#refs.keys())
    for (let number = 0; number <= last; number += 1) numbers.of(this.#refs.get(number) ?? {})
    return numbers
  }

  /** A field of this name. */
  value(json: unknown, name = ''): unknown {
    if (isList(json)) return json.map((each) => this.value(each))
    if (!isFields(json)) return json
    if ('$ref' in json) return this.#ref(json.$ref as number, String(json.id))
    if ('$error' in json) return this.#error(json.$error as number)
    if ('$failure' in json) return this.#failure(json.$failure as Fields)
    if ('$number' in json) return Number(json.$number)
    if ('$function' in json) return this.#function(json.$function as number, name)
    if ('$logic' in json) return this.#object(json.$logic as number, () => logicFor(json.supervisor === true))
    if ('$group' in json) return this.#object(json.$group as number, () => this.fields(json.fields as Fields))
    if ('$data' in json) return this.#object(json.$data as number, () => json.value)
    if ('$object' in json) return this.#object(json.$object as number, () => new Unknown())
    if ('$unreadable' in json) return UNREADABLE
    return this.fields(json)
  }

  fields(json: Fields): Record<string, unknown> {
    return Object.fromEntries(Object.entries(json).map(([name, each]) => [name, this.value(each, name)]))
  }

  #ref(number: number, id: string): AnyActorRef {
    const known = this.#refs.get(number) ?? imagined(id)
    this.#refs.set(number, known)
    return known
  }

  #error(number: number): RecordedError {
    const error = this.errors[number]
    if (error === undefined) throw new RangeError(`error ${number} is missing`)
    return error
  }

  #failure(json: Fields): Failure {
    const { fingerprint, ...facts } = this.fields(json)
    return new Failure(facts as never, fingerprint as string)
  }

  #function(number: number, name: string): unknown {
    if (name === 'delay') return this.#functions.delay
    if (name === 'classify') return this.#functions.classify
    return this.#object(number, () => () => undefined)
  }

  #object(number: number, make: () => unknown): unknown {
    if (!this.#objects.has(number)) this.#objects.set(number, make())
    return this.#objects.get(number)
  }
}

/** A logic that is never started. */
function logicFor(isSupervisor: boolean): object {
  const logic = { transition: () => undefined, getInitialSnapshot: () => undefined }
  return isSupervisor ? { ...logic, [SUPERVISOR]: true } : logic
}

/** Stands for an object of which nothing is known. No plain object, so that it is no data either. */
class Unknown {
  readonly isUnknown = true
}

function unreadable(): never {
  throw new TypeError('it cannot be read')
}

/** Stands for a value that threw when it was read. */
const UNREADABLE: unknown = new Proxy(
  {},
  { get: unreadable, has: unreadable, ownKeys: unreadable, getPrototypeOf: unreadable },
)
