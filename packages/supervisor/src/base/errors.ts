import type { ErrorCode } from './error-codes.ts'

/** What `Error.captureStackTrace()` has marked. */
export interface CallSite {
  readonly stack?: unknown
}

export interface TerrariumErrorOptions {
  /** What to do about it, in one sentence or one command. */
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** Facts for programs: which worker, which module, which call. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** `stack` shows the frames of this place. Default: those of the constructor's caller. */
  readonly site?: CallSite | undefined
}

/** V8's, missing in some other engines. */
const { captureStackTrace } = Error as { captureStackTrace?: (target: object, above?: unknown) => void }

/**
 * The one error class. `message` says what happened, `hint` what to do. The hint is part of `stack`, so that whatever
 * prints the stack prints it; it is no property of its own, so that `console.log(error)` does not print it twice.
 */
export class TerrariumError extends Error {
  declare readonly name: 'TerrariumError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly #hint: string | undefined

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'TerrariumError', configurable: true, writable: true })
    // Enumerable, so that pino's serialiser finds it, which looks at inherited properties too.
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
    return #hint in this ? this.#hint : undefined // the prototype has none
  }
}

/** The place that calls `above`; undefined where the engine cannot tell. */
export function siteAbove(above: unknown): CallSite | undefined {
  if (captureStackTrace === undefined) return undefined
  const site = {}
  captureStackTrace(site, above)
  return site
}

/** From now on the stack of the error shows its message, its hint, and the frames of this place. */
export function showSite(error: TerrariumError, site: CallSite): void {
  let stack: unknown
  // Putting frames into words is expensive and may call a function of the user's, so it waits until the stack is asked
  // for. To define a property anew V8 reads it first, but not to delete it.
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
    return head // Error.prepareStackTrace of the user's has thrown
  }
  const frames = typeof told === 'string' ? told.search(/^\s+at /m) : -1
  return frames === -1 ? head : `${head}\n${(told as string).slice(frames)}`
}

/** Whether a value is a {@link TerrariumError}, optionally with one of the given codes. */
export function isTerrariumError(value: unknown, ...codes: ErrorCode[]): value is TerrariumError {
  return value instanceof TerrariumError && (codes.length === 0 || codes.includes(value.code))
}

/** What a thrown value says of itself. Never throws, and never answers more than 8,192 characters. */
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
