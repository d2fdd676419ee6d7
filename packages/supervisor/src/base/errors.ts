// TerrariumError, the one error class of all packages, and what belongs to it: stacks that show the hint, and safe
// texts of thrown values.
import type { ErrorCode } from './error-codes.ts'

/** An object that `Error.captureStackTrace()` has given a stack. */
export interface CallSite {
  readonly stack?: unknown
}

export interface TerrariumErrorOptions {
  /** What the user should do, as whole sentences. */
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** Facts for programs, for instance the worker, the module or the call. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** The place whose frames `stack` shows. Default: the constructor's caller. */
  readonly site?: CallSite | undefined
}

/** Missing in engines other than V8. */
const { captureStackTrace } = Error as { captureStackTrace?: (target: object, above?: unknown) => void }

/**
 * The one error class. `message` says what happened, `hint` what to do. `stack` includes the hint, so that it is
 * printed with the stack. The hint is an inherited property, so that `console.log(error)` does not print it twice.
 */
export class TerrariumError extends Error {
  declare readonly name: 'TerrariumError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly #hint: string | undefined

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'TerrariumError', configurable: true, writable: true })
    // Enumerable, because pino's serialiser reads enumerable properties, inherited ones too.
    const { get } = Object.getOwnPropertyDescriptor(this.prototype, 'hint') as { get: () => string | undefined }
    Object.defineProperty(this.prototype, 'hint', { get, configurable: true, enumerable: true })
  }

  constructor(code: ErrorCode, message: string, options: TerrariumErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.#hint = options.hint
    const { site = options.hint === undefined ? undefined : siteAbove(new.target) } = options
    if (site !== undefined) showSite(this, site)
  }

  get hint(): string | undefined {
    return #hint in this ? this.#hint : undefined // false for the prototype itself
  }
}

/** The call site of `above`; undefined where the engine has no `captureStackTrace`. */
export function siteAbove(above: unknown): CallSite | undefined {
  if (captureStackTrace === undefined) return undefined
  const site = {}
  captureStackTrace(site, above)
  return site
}

/** Makes the stack of the error show its message, its hint, and the frames of this call site. */
export function showSite(error: TerrariumError, site: CallSite): void {
  let stack: unknown
  // Formatting frames is expensive and may call a function of the user's, so it waits until the stack is read. The
  // property is deleted first because defining it anew would make V8 read it.
  delete (error as { stack?: unknown }).stack
  Object.defineProperty(error, 'stack', {
    configurable: true,
    get: () => (stack ??= stackOf(error, site)),
    set: (given: unknown) => (stack = given),
  })
}

function stackOf({ name, message, hint }: TerrariumError, site: CallSite): string {
  const head = `${name}: ${message}${hint === undefined ? '' : `\n  Hint: ${hint}`}`
  let told: unknown
  try {
    told = site.stack
  } catch {
    return head // the user's Error.prepareStackTrace has thrown
  }
  const frames = typeof told === 'string' ? told.search(/^\s+at /m) : -1
  return frames === -1 ? head : `${head}\n${(told as string).slice(frames)}`
}

/** True if a value is a {@link TerrariumError}, optionally with one of the given codes. */
export function isTerrariumError(value: unknown, ...codes: ErrorCode[]): value is TerrariumError {
  return value instanceof TerrariumError && (codes.length === 0 || codes.includes(value.code))
}

/** The message of a thrown value, at most 8,192 characters. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message : String(thrown)
    return typeof text === 'string' ? text.slice(0, LONGEST_TEXT) : UNREADABLE
  } catch {
    return UNREADABLE
  }
}

const LONGEST_TEXT = 8_192
const UNREADABLE = 'a value that cannot be shown'
