// The functions that a pool exposes to its tools: what `pool.expose()` is given, checked once.
import { Checker, isFields, isFunction, isName, messageOf, TerrariumError } from '@terrarium/supervisor/base'

/** What a function of the host is given beside its arguments. */
export interface HostContext {
  /** Aborted when the tool waits no more: its call was cancelled, is late or has ended, or its worker is gone. */
  readonly signal: AbortSignal
  /** What is left of the time of the call, in ms; undefined without a deadline. */
  readonly deadline: () => number | undefined
  /** The tool that calls, and how often its call was handed to a worker. */
  readonly call: { readonly tool: string; readonly attempt: number }
  /** The slot of the worker: `worker-1`. */
  readonly worker: string
}

/**
 * A function of the host. `args` has keyword arguments in an object, or positional ones in an array. What it returns,
 * or its promise resolves with, is the value of `host.call`, or has the items of `host.stream`, as a generator has.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- a function says itself what its arguments are
export type HostFunction = (args: any, context: HostContext) => unknown

/** A part of a place in the arguments, see Standard Schema. */
type PathSegment = PropertyKey | { readonly key: PropertyKey }

type Validated =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly PathSegment[] | undefined }[] }

/** What zod, valibot, arktype and others make: https://standardschema.dev, version 1. */
export interface ArgumentsSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (args: unknown) => Validated | Promise<Validated>
  }
}

export interface ExposeOptions {
  /**
   * Checks the arguments: a Standard Schema, or a function that returns the arguments to use, or throws. Arguments that
   * do not fit are refused with INVALID_ARGUMENT, and the function is not called. Default: any arguments.
   */
  readonly schema?: ArgumentsSchema | ((args: unknown) => unknown)
}

const OPTIONS: Readonly<Record<keyof ExposeOptions, true>> = { schema: true }

export interface ExposedFunction {
  readonly run: HostFunction
  /** Returns the arguments to use, or a promise for them. Throws {@link RefusedArguments}. */
  readonly check: ((args: unknown) => unknown) | undefined
}

/** Arguments that a schema refuses, told apart from what the function throws. */
export class RefusedArguments extends Error {
  readonly why: TerrariumError

  constructor(message: string, details: Readonly<Record<string, unknown>>, cause?: unknown) {
    super(message)
    this.why = new TerrariumError('INVALID_ARGUMENT', message, { details, cause })
  }
}

export class HostFunctions {
  readonly #functions = new Map<string, ExposedFunction>()

  get(name: string): ExposedFunction | undefined {
    return this.#functions.get(name)
  }

  get names(): readonly string[] {
    return [...this.#functions.keys()]
  }

  /** Throws INVALID_ARGUMENT, naming every mistake at once. */
  expose(name: string, run: HostFunction, options: ExposeOptions): void {
    const check = new Checker()
    check.required({ name }, 'name', isName, 'the name of a function')
    check.required({ run }, 'run', isFunction, 'a function')
    if (check.object('options', options, OPTIONS)) {
      const inner = new Checker('options.')
      inner.known(options, OPTIONS)
      inner.field(options, 'schema', isSchema, 'a Standard Schema (version 1), or a function')
      check.mistakes.push(...inner.mistakes)
    }
    if (this.#functions.has(name)) check.say('invalid_option', `${name} is exposed already`)
    check.finish(`expose(${isName(name) ? name : ''})`)
    const { schema } = options
    this.#functions.set(name, { run, check: schema === undefined ? undefined : checkBy(name, schema) })
  }
}

function isSchema(schema: unknown): boolean {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return false
  if (!('~standard' in schema)) return isFunction(schema)
  const { '~standard': standard } = schema
  return isFields(standard) && standard.version === 1 && isFunction(standard.validate)
}

function checkBy(name: string, schema: NonNullable<ExposeOptions['schema']>): (args: unknown) => unknown {
  if ('~standard' in schema) {
    const standard = schema['~standard']
    return (args) => {
      const validated = standard.validate(args)
      return validated instanceof Promise ? validated.then((each) => valueOf(name, each)) : valueOf(name, validated)
    }
  }
  const refused = (cause: unknown): never => {
    throw new RefusedArguments(`the arguments of ${name}: ${messageOf(cause)}`, {}, cause)
  }
  return (args) => {
    try {
      const checked = schema(args)
      return checked instanceof Promise ? checked.catch(refused) : checked
    } catch (cause) {
      return refused(cause)
    }
  }
}

function valueOf(name: string, validated: Validated): unknown {
  const { issues } = validated
  if (issues === undefined) return validated.value
  const places = issues.map(({ path = [] }) => placeOf(path))
  const told = issues.map(({ message }, index) => (places[index] === '' ? message : `${places[index]}: ${message}`))
  const details = { place: places[0] ?? '', issues: told }
  throw new RefusedArguments(`the arguments of ${name}: ${told.join('; ')}`, details)
}

/** `rows[3].price` */
function placeOf(path: readonly PathSegment[]): string {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment))
  const steps = keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
  return steps.join('').replace(/^\./, '')
}
