// Refusals: why a value cannot be sent or read, where in the value that is, and what to send instead.
import { TerrariumError, type ErrorCode } from '@terrarium/supervisor/base'

/** A step into a value: an index, the name of a property, or the key of a Map. */
export type Step = { readonly index: number } | { readonly name: string } | { readonly key: unknown }

/** Places are shortened to this many characters, in the middle. */
const LONGEST_PLACE = 300
const LONGEST_STEP = 80

export interface RefusalOptions {
  readonly hint: string
  readonly code?: ErrorCode
  readonly cause?: unknown
  /** The kind of the value, for `details.type`. */
  readonly type?: string | undefined
  /** The reason, written after the place. */
  readonly because?: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Why a value cannot be sent or read. Each container that it passes on its way out adds a step to its place. */
export class Refusal extends Error {
  readonly #what: string
  readonly #options: RefusalOptions
  /** The steps of the place, innermost first. */
  readonly #steps: string[] = []

  constructor(what: string, options: RefusalOptions) {
    super(what)
    this.#what = what
    this.#options = options
  }

  /** Adds the step that leads to the place so far. */
  within(step: Step): this {
    this.#steps.push(textOf(step))
    return this
  }

  /** The error for users. `subject`: what holds the value, for example `the arguments of echo`. */
  toError(subject: string, usual: ErrorCode = 'INVALID_ARGUMENT'): TerrariumError {
    const { hint, code = usual, cause, type, because, details } = this.#options
    const place = shortened(this.#steps.reverse().join('').replace(/^\./, ''), LONGEST_PLACE)
    const at = place === '' ? '' : ` at ${place}`
    const why = because === undefined ? '' : `: ${because}`
    return new TerrariumError(code, `${subject}: ${this.#what}${at}${why}`, {
      hint,
      cause,
      details: { ...(place === '' ? {} : { place }), ...(type === undefined ? {} : { type }), ...details },
    })
  }
}

/** What was thrown while a value was read, as a {@link Refusal}. Anything else was thrown by the user's code. */
export function refusalOf(
  thrown: unknown,
  what = 'a getter or a proxy threw',
  hint = 'Send a copy that holds nothing but data.',
): Refusal {
  if (thrown instanceof Refusal) return thrown
  return new Refusal(what, { hint, cause: thrown, because: messageOf(thrown) })
}

/** What was thrown by a part of a container, as a {@link Refusal} with the step to that part. */
export const within = (thrown: unknown, step: Step): Refusal => refusalOf(thrown).within(step)

/** The message of what was thrown. Never throws. */
function messageOf(thrown: unknown): string {
  try {
    return shortened(thrown instanceof Error ? thrown.message : String(thrown), LONGEST_PLACE)
  } catch {
    return 'what was thrown has no text'
  }
}

/** The name of a value's class, for people. Never throws. */
export function classNameOf(value: object): string {
  try {
    const { constructor } = value as { constructor?: unknown }
    if (typeof constructor === 'function' && constructor.name !== '') return shortened(constructor.name, LONGEST_STEP)
    return tagOf(value)
  } catch {
    return 'Object' // a getter or a proxy that throws
  }
}

/** The name of a value's `Symbol.toStringTag`: `Math`. */
export const tagOf = (value: object): string => Object.prototype.toString.call(value).slice('[object '.length, -1)

/** A name with `a` or `an` before it. A capital U is mostly spoken as a consonant: a URL, a User. */
export const article = (name: string): string => `${/^[aeiouAEIO]/.test(name) ? 'an' : 'a'} ${name}`

function textOf(step: Step): string {
  if ('index' in step) return `[${step.index}]`
  if ('key' in step) return `.get(${keyText(step.key)})`
  if (/^[\p{ID_Start}_$][\p{ID_Continue}$]{0,79}$/u.test(step.name)) return `.${step.name}`
  return `[${JSON.stringify(shortened(step.name, LONGEST_STEP))}]`
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(shortened(key, LONGEST_STEP))
  if (typeof key === 'object' && key !== null) return '…'
  return shortened(typeof key === 'bigint' ? `${key}n` : String(key), LONGEST_STEP)
}

function shortened(text: string, most: number): string {
  if (text.length <= most) return text
  const half = Math.floor(most / 2)
  return `${text.slice(0, half)}…${text.slice(-half)}`
}
