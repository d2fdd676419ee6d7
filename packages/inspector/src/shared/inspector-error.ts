// The error of this package, in the form of TerrariumError: this package imports none of the others.

export type InspectorErrorCode = 'INVALID_ARGUMENT' | 'NOT_SERVED' | 'NOT_SAVED'

/** `message` says what happened, `hint` what to do. */
export class InspectorError extends Error {
  override readonly name = 'InspectorError'
  readonly code: InspectorErrorCode
  readonly hint: string
  /** Facts for programs: `mistakes` has every mistake of INVALID_ARGUMENT. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: InspectorErrorCode,
    message: string,
    { hint, cause, details = {} }: { hint: string; cause?: unknown; details?: Readonly<Record<string, unknown>> },
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
    this.details = details
  }
}

/** Which values an option may have: a test, and its words. */
export type Rule = readonly [isRight: (value: unknown) => boolean, words: string]

/** Throws INVALID_ARGUMENT with every mistake, also options that do not exist. */
export function checkOptions(of: string, options: unknown, rules: Readonly<Record<string, Rule>>): void {
  const isObject = typeof options === 'object' && options !== null
  const mistakes = isObject
    ? mistakesIn(options as Readonly<Record<string, unknown>>, rules)
    : ['the options are not an object']
  if (mistakes.length === 0) return
  throw new InspectorError('INVALID_ARGUMENT', `${of}: ${mistakes.join('; ')}`, {
    hint: `Correct the options of ${of}. They are: ${Object.keys(rules).join(', ')}.`,
    details: { mistakes },
  })
}

function mistakesIn(options: Readonly<Record<string, unknown>>, rules: Readonly<Record<string, Rule>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) return [`there is no option ${name}`]
    return value === undefined || rule[0](value) ? [] : [`${name} is not ${rule[1]}`]
  })
}

export const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
export const isFlag = (value: unknown): boolean => typeof value === 'boolean'
export const isFunction = (value: unknown): boolean => typeof value === 'function'
