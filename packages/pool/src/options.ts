// The options of a pool and of a call: their types, their defaults, and their checks.
import {
  checkContainment,
  checkEnv,
  checkLogger,
  checkMs,
  checkPath,
  isWhole,
  LONGEST_MS,
  type Containment,
} from '@terrarium/process'
import type { SupervisorOptions } from '@terrarium/supervisor'
import {
  Checker,
  isBoolean,
  isFields,
  isFunction,
  isList,
  isName,
  isOptions,
  mistakesOfSupervision,
  type Fields,
  type Names,
} from '@terrarium/supervisor/base'
import {
  checkTypes,
  DEFAULT_TRANSPORT,
  isPlainObject,
  type Heartbeat,
  type Transport,
  type ValueType,
} from '@terrarium/worker'
import type { Logger } from 'pino'
import { PRIORITIES, type Priority } from './core/lanes.ts'
import type { Settings } from './core/state.ts'
import type { OnProgress } from './progress-listener.ts'
import { areToolNames, isToolEntry } from './tool-entries.ts'

export interface PoolOptions {
  /** Names the pool in logs, errors and the inspector: letters, digits, `.`, `_`, `-`. */
  readonly name: string
  /**
   * What holds the tools, one or several: the path of a file (relative to the working directory) or a `file:` URL, or
   * the name of a module, `pkg.mod`, which is looked for as `python -m` does: in the workers' `cwd`, then in what is
   * installed. A file in a package is imported as part of it, relative imports included.
   */
  readonly tools: string | URL | readonly (string | URL)[]
  /**
   * Functions that are tools without `@tool`: names of attributes of the modules that `tools` names, as `norm` of
   * `numpy.linalg`, or with dots, `linalg.norm` of `numpy`. The first module that has a name gives it.
   */
  readonly expose?: readonly string[]
  /** How many workers. Default 1. */
  readonly size?: number
  /**
   * What runs the workers: an interpreter, or the folder of a virtual environment. Default: the first of
   * `TERRARIUM_PYTHON`, `VIRTUAL_ENV`, `CONDA_PREFIX`, `./.venv` and `python3` on the PATH.
   */
  readonly python?: string
  /**
   * What carries calls: `socket` needs nothing but the interpreter and is fast; `grpc` is for workers that are
   * generated from `terrarium.v1`, and needs grpcio and protobuf in Python. Default `socket`.
   */
  readonly transport?: Transport
  /**
   * Calls one worker may have begun at a time. Default 1. Raise it for `async` tools, which run concurrently. Calls of
   * short sync tools are sent ahead of it, so that a worker has its next calls without the way there and back.
   */
  readonly concurrency?: number
  /** Calls that may wait for a worker; one more is refused with POOL_SATURATED. Default 10,000. */
  readonly queueLimit?: number
  /**
   * So many workers may die with a call marked `idempotent` before it is refused as a POISON_CALL. Default 3. Of calls
   * that shared a worker when it died each is run again alone, and only what happens then counts.
   */
  readonly maxDeaths?: number
  /** Sessions that may be open at a time; the first call of one more is refused with SESSION_LIMIT. Default 1,000. */
  readonly sessionLimit?: number
  /** How long a worker may take to become ready, in ms. Default 30,000. */
  readonly startTimeout?: number
  /** How long a worker may go on with a cancelled or overdue call before it is killed, in ms. Default 250. */
  readonly cancelGrace?: number
  /**
   * How long a worker may take to end in order, its exit handlers included, before it is killed, in ms. Default 2,000.
   */
  readonly grace?: number
  /** How an idle worker that no longer answers is noticed: every 5,000 ms, after 3 misses. A busy one is left alone. */
  readonly heartbeat?: Heartbeat | 'off'
  /** How long {@link Pool.stop} waits for calls in flight, in ms. Default 5,000. */
  readonly drainTimeout?: number
  /** Added to the host's environment for every worker. */
  readonly env?: Readonly<Record<string, string>>
  /** The workers' working directory. Default: the host's. */
  readonly cwd?: string
  /** Types of the application's own that may be sent, each registered in Python under the same name. */
  readonly types?: readonly ValueType[]
  /** Where reservations are kept. Default: `TERRARIUM_STATE_DIR`, else a folder of the user's. */
  readonly stateDir?: string
  /**
   * What is to hold the workers and all they start together: `pidns`, `cgroup` or `shepherd`, see `@terrarium/process`.
   * Default: `TERRARIUM_CONTAINMENT`, else `auto`, the best that this system has. A level that is demanded and missing
   * fails the start.
   */
  readonly containment?: Containment | 'auto'
  /** Default: warnings and errors to stderr, as JSON lines. */
  readonly logger?: Logger
  /**
   * Where what the tools print goes, line by line:
   * - `stderr`: to this process's stderr, as `[text/worker-1] hello`; the default without a `logger`
   * - `log`: to the logger, what comes from stdout at `info`, from stderr at `warn`, with `worker`, `workerPid` and
   *   `stream`; the default with a `logger`
   * - `ignore`: nowhere. The event `worker.output` tells it all the same.
   */
  readonly output?: 'stderr' | 'log' | 'ignore'
  /** Supervision of the workers, see `@terrarium/supervisor`. */
  readonly backoff?: SupervisorOptions['backoff']
  readonly breaker?: SupervisorOptions['breaker']
  /** XState's inspection, see `@statelyai/inspect`. Costs nothing when absent. */
  readonly inspect?: SupervisorOptions['inspect']
  /** Time for deadlines, backoff and breaker. Default: the system's. */
  readonly clock?: SupervisorOptions['clock']
}

/** The keyword arguments of a call by their names, or its positional arguments in order. */
export type CallArguments = Readonly<Record<string, unknown>> | readonly unknown[]

export interface CallOptions {
  /** The deadline, from now to the result, queue included, in ms. Default: none. */
  readonly timeout?: number
  /** Cancels the call. */
  readonly signal?: AbortSignal
  /** The call may be run again elsewhere when its worker dies. Default false. */
  readonly idempotent?: boolean
  /**
   * The lane of the queue that the call waits in. While a call is the first of its lane, at most 16 calls of higher
   * lanes go before it. Default `normal`.
   */
  readonly priority?: Priority
  /**
   * Called with what the tool says by `terrarium.progress()`: the latest at most every 10 ms, the last before the call
   * is settled, and none after that. What it throws is logged. Default: nothing is sent.
   */
  readonly onProgress?: OnProgress
}

export interface StreamOptions {
  /** The deadline, from the first `next()` to the end of the stream, queue included, in ms. Default: none. */
  readonly timeout?: number
  /**
   * How long the worker may take for one item, in ms. Time in the queue does not count, nor time in which the worker
   * waits for the reader. Default: as long as it likes.
   */
  readonly idle?: number
  /** Cancels the stream. What has arrived and was not read is dropped. */
  readonly signal?: AbortSignal
  /** As {@link CallOptions.priority}. */
  readonly priority?: Priority
  /** As {@link CallOptions.onProgress}. */
  readonly onProgress?: OnProgress
}

/** The defaults of options that have one, in one place. Times in ms. */
export const DEFAULTS = {
  size: 1,
  transport: DEFAULT_TRANSPORT,
  concurrency: 1,
  queueLimit: 10_000,
  maxDeaths: 3,
  cancelGrace: 250,
  grace: 2_000,
  drainTimeout: 5_000,
  sessionLimit: 1_000,
} as const

/** What the core of a pool is told of its options. */
export function settingsOf(options: PoolOptions, hasHandle: boolean): Settings {
  const { name, size = DEFAULTS.size, concurrency = DEFAULTS.concurrency, queueLimit = DEFAULTS.queueLimit } = options
  const { maxDeaths = DEFAULTS.maxDeaths, cancelGrace = DEFAULTS.cancelGrace } = options
  const { drainTimeout = DEFAULTS.drainTimeout, sessionLimit = DEFAULTS.sessionLimit } = options
  return { pool: name, hasHandle, size, concurrency, queueLimit, maxDeaths, cancelGrace, drainTimeout, sessionLimit }
}

/** The supervisor adds its own margin to it, and a timer holds no more than LONGEST_MS. */
const LONGEST_GRACE = LONGEST_MS - 3_000

const NUMBERS = {
  size: [1, 1024],
  concurrency: [1, 65_536],
  queueLimit: [0, LONGEST_MS],
  maxDeaths: [1, 1_000],
  sessionLimit: [1, LONGEST_MS],
} as const

// An option that is missing here does not compile.
export const OPTIONS: Readonly<Record<keyof PoolOptions, true>> = {
  name: true,
  tools: true,
  expose: true,
  size: true,
  python: true,
  transport: true,
  concurrency: true,
  queueLimit: true,
  maxDeaths: true,
  sessionLimit: true,
  startTimeout: true,
  cancelGrace: true,
  grace: true,
  heartbeat: true,
  drainTimeout: true,
  env: true,
  cwd: true,
  types: true,
  stateDir: true,
  containment: true,
  logger: true,
  output: true,
  backoff: true,
  breaker: true,
  inspect: true,
  clock: true,
}

export const HEARTBEAT: Readonly<Record<keyof Heartbeat, true>> = { interval: true, misses: true }

/** Stands for the options of a call that has none. */
export const NO_OPTIONS: CallOptions = Object.freeze({})

export const CALL_OPTIONS: Readonly<Record<keyof CallOptions, true>> = {
  timeout: true,
  signal: true,
  idempotent: true,
  priority: true,
  onProgress: true,
}

/** Stands for the options of a stream that has none. */
export const NO_STREAM_OPTIONS: StreamOptions = Object.freeze({})

export const STREAM_OPTIONS: Readonly<Record<keyof StreamOptions, true>> = {
  timeout: true,
  idle: true,
  signal: true,
  priority: true,
  onProgress: true,
}

/** The options in which one kind of pool differs from another. */
export interface Variant {
  /** Of all its options. */
  readonly names: Names
  readonly checkTools: (check: Checker, options: Fields) => void
}

/** Throws INVALID_ARGUMENT naming every mistake at once. */
export function validatePoolOptions(options: object, variant: Variant = { names: OPTIONS, checkTools }): void {
  const check = new Checker()
  if (check.object('options', options, variant.names)) checkPoolOptions(check, options, variant)
  check.finish('pool options')
}

function checkPoolOptions(check: Checker, options: Fields, variant: Variant): void {
  check.known(options, variant.names)
  check.required(options, 'name', isPoolName, '1 to 64 letters, digits, dots, underscores or dashes')
  variant.checkTools(check, options)
  check.field(options, 'expose', areToolNames, 'an array of names of functions, each as `norm` or `linalg.norm`')
  for (const [name, [least, most]] of Object.entries(NUMBERS)) {
    check.field(options, name, isWhole(least, most), `a whole number from ${least} to ${most}`)
  }
  checkMs(check, options, 'startTimeout', 1)
  checkMs(check, options, 'cancelGrace', 0)
  checkMs(check, options, 'drainTimeout', 0)
  checkMs(check, options, 'grace', 0, LONGEST_GRACE)
  check.group(options, 'heartbeat', HEARTBEAT, (heartbeat, inner) => {
    checkMs(inner, heartbeat, 'interval', 1)
    inner.field(heartbeat, 'misses', isWhole(1, LONGEST_MS), `a whole number from 1 to ${LONGEST_MS}`)
  })
  checkPath(check, options, 'python', 'the path of an interpreter, or of the folder of a virtual environment')
  checkPath(check, options, 'cwd', 'the path of a folder')
  checkPath(check, options, 'stateDir', 'the path of a folder')
  checkEnv(check, options)
  checkContainment(check, options)
  checkLogger(check, options)
  check.oneOf(options, 'transport', ['socket', 'grpc'])
  check.oneOf(options, 'output', ['stderr', 'log', 'ignore'])
  if (options.types !== undefined) checkTypes(check, 'types', options.types)
  const { backoff, breaker, inspect, clock } = options
  const supervision = Object.entries({ backoff, breaker, inspect, clock }).filter(([, value]) => value !== undefined)
  check.mistakes.push(...mistakesOfSupervision(Object.fromEntries(supervision)))
}

const isPoolName = (name: unknown): boolean => typeof name === 'string' && /^[\w.-]{1,64}$/.test(name)

const TOOLS = "the path or file: URL of a Python file, a module's name (pkg.mod)"

function checkTools(check: Checker, options: Fields): void {
  const { tools } = options
  if (!isList(tools)) check.required(options, 'tools', isToolEntry, `${TOOLS}, or an array of these`)
  else if (tools.length === 0)
    check.say('invalid_option', `tools must be ${TOOLS}, or an array of these, not an empty one`)
  else {
    const entries = Object.fromEntries(tools.map((entry, index) => [`tools[${index}]`, entry ?? null]))
    for (const name of Object.keys(entries)) check.field(entries, name, isToolEntry, TOOLS)
  }
}

const ARGUMENTS = "an object of keyword arguments, as { text: 'a' }, or an array of positional ones"

/**
 * Throws INVALID_ARGUMENT naming every mistake at once. On the way of every call: nothing is collected while all is
 * right.
 */
export function validateCall(tool: unknown, args: unknown, options: unknown): void {
  if (isName(tool) && areArguments(args) && areCallOptions(options)) return
  const check = new Checker()
  check.required({ tool }, 'tool', isName, 'the name of a tool')
  check.required({ args }, 'args', areArguments, ARGUMENTS)
  if (check.object('options', options, CALL_OPTIONS)) {
    const inner = new Checker('options.')
    inner.known(options, CALL_OPTIONS)
    checkCallOptions(inner, options)
    check.mistakes.push(...inner.mistakes)
  }
  check.finish(`call of ${isName(tool) ? tool.slice(0, 128) : 'a tool'}`)
}

export function checkCallOptions(check: Checker, options: Fields): void {
  check.field(options, 'timeout', isTimeout, `ms, more than 0 and at most ${LONGEST_MS}`)
  check.field(options, 'signal', isSignal, 'an AbortSignal')
  check.field(options, 'idempotent', isBoolean, 'true or false')
  check.oneOf(options, 'priority', PRIORITIES)
  check.field(options, 'onProgress', isFunction, 'a function')
}

/** Throws INVALID_ARGUMENT naming every mistake at once. */
export function validateStream(tool: unknown, args: unknown, options: unknown): void {
  const check = new Checker()
  check.required({ tool }, 'tool', isName, 'the name of a tool')
  check.required({ args }, 'args', areArguments, ARGUMENTS)
  if (check.object('options', options, STREAM_OPTIONS)) {
    const inner = new Checker('options.')
    inner.known(options, STREAM_OPTIONS)
    inner.field(options, 'timeout', isTimeout, `ms, more than 0 and at most ${LONGEST_MS}`)
    inner.field(options, 'idle', isTimeout, `ms, more than 0 and at most ${LONGEST_MS}`)
    inner.field(options, 'signal', isSignal, 'an AbortSignal')
    inner.oneOf(options, 'priority', PRIORITIES)
    inner.field(options, 'onProgress', isFunction, 'a function')
    check.mistakes.push(...inner.mistakes)
  }
  check.finish(`stream of ${isName(tool) ? tool.slice(0, 128) : 'a tool'}`)
}

function areArguments(args: unknown): boolean {
  try {
    return isPlainObject(args) || Array.isArray(args)
  } catch {
    return true // a proxy that throws, which is told with the rest of what it does
  }
}

function areCallOptions(options: unknown): boolean {
  if (options === NO_OPTIONS) return true
  if (!isOptions(options, CALL_OPTIONS)) return false
  for (const name of Object.keys(options)) if (!Object.hasOwn(CALL_OPTIONS, name)) return false
  const { timeout, signal, idempotent, priority, onProgress } = options
  return (
    (timeout === undefined || isTimeout(timeout)) &&
    (signal === undefined || isSignal(signal)) &&
    (idempotent === undefined || isBoolean(idempotent)) &&
    (priority === undefined || isPriority(priority)) &&
    (onProgress === undefined || isFunction(onProgress))
  )
}

const isTimeout = (timeout: unknown): boolean => typeof timeout === 'number' && timeout > 0 && timeout <= LONGEST_MS

const isPriority = (priority: unknown): boolean => (PRIORITIES as readonly unknown[]).includes(priority)

const isSignal = (signal: unknown): boolean =>
  isFields(signal) &&
  isBoolean(signal.aborted) &&
  isFunction(signal.addEventListener) &&
  isFunction(signal.removeEventListener)
