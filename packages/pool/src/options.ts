import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import type { Containment } from '@terrarium/process'
import { TerrariumError, type SupervisorOptions } from '@terrarium/supervisor'
import type { Heartbeat } from '@terrarium/worker'
import type { Logger } from 'pino'

export interface PoolOptions {
  /** Names the pool in logs, errors and the inspector: letters, digits, `.`, `_`, `-`. */
  readonly name: string
  /**
   * What holds the tools, one or several: the path of a file (relative to the working directory) or a `file:` URL, or the name
   * of a module, `pkg.mod`, which is looked for as `python -m` does: in the workers' `cwd`, then in what is installed. A file in a
   * package is imported as part of it, relative imports included.
   */
  readonly tools: string | URL | readonly (string | URL)[]
  /** How many workers. Default 1. */
  readonly size?: number
  /**
   * What runs the workers: an interpreter, or the folder of a virtual environment. Default: the first of `TERRARIUM_PYTHON`,
   * `VIRTUAL_ENV`, `CONDA_PREFIX`, `./.venv` and `python3` on the PATH.
   */
  readonly python?: string
  /**
   * Calls one worker holds at a time. Default 1: nothing waits behind a call that overruns. Raise it for `async` tools,
   * which run concurrently, and for tools so short that the way there and back costs more than the work.
   */
  readonly concurrency?: number
  /** Calls that may wait for a worker; one more is refused with POOL_SATURATED. Default 10,000. */
  readonly queueLimit?: number
  /**
   * So many workers may die with a call marked `idempotent` before it is refused as a POISON_CALL. Default 3. Of calls that
   * shared a worker when it died each is run again alone, and only what happens then counts.
   */
  readonly maxDeaths?: number
  /** How long a worker may take to become ready, in ms. Default 30,000. */
  readonly startTimeout?: number
  /** How long a worker may go on with a cancelled or overdue call before it is killed, in ms. Default 250. */
  readonly cancelGrace?: number
  /** How an idle worker that no longer answers is noticed: every 5,000 ms, after 3 misses. A busy one is left alone. */
  readonly heartbeat?: Heartbeat | 'off'
  /** How long {@link Pool.stop} waits for calls in flight, in ms. Default 5,000. */
  readonly drainTimeout?: number
  /** Added to the host's environment for every worker. */
  readonly env?: Readonly<Record<string, string>>
  /** The workers' working directory. Default: the host's. */
  readonly cwd?: string
  /** Where reservations are kept. Default: `TERRARIUM_STATE_DIR`, else a folder of the user's. */
  readonly stateDir?: string
  /**
   * What is to hold the workers and all they start together: `pidns`, `cgroup` or `shepherd`, see `@terrarium/process`. Default:
   * `TERRARIUM_CONTAINMENT`, else `auto`, the best that this system has. One that is demanded and missing fails the start.
   */
  readonly containment?: Containment | 'auto'
  /** Default: warnings and errors to stderr, as JSON lines. */
  readonly logger?: Logger
  /**
   * Where what the tools print goes, line by line:
   * - `stderr`: to this process's stderr, as `[text/worker-1] hello`; the default without a `logger`
   * - `log`: to the logger, what comes from stdout at `info`, from stderr at `warn`, with `worker`, `workerPid` and `stream`; the
   *   default with a `logger`
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

export interface CallOptions {
  /** The deadline, from now to the result, queue included, in ms. Default: none. */
  readonly timeout?: number
  /** Cancels the call. */
  readonly signal?: AbortSignal
  /** The call may be run again elsewhere when its worker dies. Default false. */
  readonly idempotent?: boolean
}

/** The limits of setTimeout and of the wire. */
const LONGEST = 2 ** 31 - 1

const NUMBERS = {
  size: [1, 1024],
  concurrency: [1, 65_536],
  queueLimit: [0, LONGEST],
  maxDeaths: [1, 1_000],
  startTimeout: [1, LONGEST],
  cancelGrace: [0, LONGEST],
  drainTimeout: [0, LONGEST],
} as const

const OUTPUTS: readonly unknown[] = ['stderr', 'log', 'ignore'] satisfies PoolOptions['output'][]

const CONTAINMENTS: readonly NonNullable<PoolOptions['containment']>[] = ['auto', 'pidns', 'cgroup', 'shepherd']

/** Throws INVALID_ARGUMENT naming every mistake at once. */
export function validatePoolOptions(options: PoolOptions): void {
  const mistakes: string[] = []
  const { name, tools } = options
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    mistakes.push('`name` must be 1 to 64 letters, digits, dots, underscores or dashes')
  }
  const entries: readonly unknown[] = Array.isArray(tools) ? tools : [tools]
  if (entries.length === 0 || !entries.every(isToolEntry)) {
    mistakes.push(
      "`tools` must be the path or file: URL of a Python file, a module's name (`pkg.mod`), or an array of these",
    )
  }
  for (const key of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    const value = options[key]
    const [least, most] = NUMBERS[key]
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
      mistakes.push(`\`${key}\` must be a whole number from ${least} to ${most}, not ${String(value)}`)
    }
  }
  if (options.heartbeat !== undefined && options.heartbeat !== 'off') {
    for (const [key, value] of Object.entries(options.heartbeat)) {
      if (!(Number.isInteger(value) && value >= 1 && value <= LONGEST)) {
        mistakes.push(`\`heartbeat.${key}\` must be a whole number from 1 to ${LONGEST}, not ${String(value)}`)
      }
    }
  }
  for (const key of ['cwd', 'stateDir'] as const) {
    if (options[key] === '') mistakes.push(`\`${key}\` must not be empty`)
  }
  const { containment } = options
  if (containment !== undefined && !CONTAINMENTS.includes(containment)) {
    mistakes.push(`\`containment\` must be one of ${CONTAINMENTS.join(', ')}, not ${containment as string}`)
  }
  const output: unknown = options.output
  if (output !== undefined && !OUTPUTS.includes(output)) {
    mistakes.push(
      `\`output\` must be one of ${OUTPUTS.join(', ')}, not ${typeof output === 'string' ? output : typeof output}`,
    )
  }
  if (mistakes.length > 0) throw invalid(`pool options: ${mistakes.join('; ')}`)
}

/** Throws INVALID_ARGUMENT. */
export function validateCall(tool: string, args: unknown, { timeout }: CallOptions): void {
  if (typeof tool !== 'string' || tool === '') throw invalid('a tool is called by its name, a non-empty string')
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    throw invalid(`the arguments of ${tool} must be an object of keyword arguments, for example { text: 'a' }`)
  }
  if (timeout !== undefined && !(timeout > 0 && timeout <= LONGEST)) {
    throw invalid(`\`timeout\` must be more than 0 and at most ${LONGEST} ms, not ${String(timeout)}`)
  }
}

/** Absolute paths of files, and names of modules. */
export function toolEntries(tools: PoolOptions['tools']): readonly string[] {
  const entries = typeof tools === 'string' || tools instanceof URL ? [tools] : tools
  return entries.map((entry) => {
    if (entry instanceof URL) return fileURLToPath(entry)
    return isModuleName(entry) ? entry : resolve(entry)
  })
}

function isToolEntry(entry: unknown): boolean {
  return entry instanceof URL ? entry.protocol === 'file:' : typeof entry === 'string' && entry !== ''
}

/** Everything else is a path. */
function isModuleName(entry: string): boolean {
  return (
    /^[\p{ID_Start}_][\p{ID_Continue}]*(?:\.[\p{ID_Start}_][\p{ID_Continue}]*)*$/u.test(entry) && !/\.py$/.test(entry)
  )
}

const invalid = (message: string): TerrariumError => new TerrariumError('INVALID_ARGUMENT', message)
