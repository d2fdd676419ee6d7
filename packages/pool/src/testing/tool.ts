// Tools of a pool without Python: functions of the test, and what the pool is told of them.
import type { SignalName } from '@terrarium/process'
import type { ToolInfo } from '@terrarium/worker'
import type { TestSession } from './worker-sessions.ts'
import {
  isBoolean,
  isDuration,
  isFields,
  isFunction,
  isList,
  type Checker,
  type Fields,
} from '@terrarium/supervisor/base'
import type { TestHost } from './worker-host.ts'

/** What a tool is given beside its arguments. */
export interface ToolContext {
  /** The slot of its worker: `worker-1`. */
  readonly worker: string
  /** 1 for the first worker of the slot. */
  readonly incarnation: number
  /** Belongs to no process of the system. */
  readonly pid: number
  /** Aborted when an async tool is stopped, by its deadline or the caller, and when the worker of any tool ends. */
  readonly signal: AbortSignal
  /** Resolves after `ms` ms of the pool's clock. Rejects with the reason of `signal` when that is aborted. */
  readonly sleep: (ms: number) => Promise<void>
  /** What is left of the time of the call, in ms; undefined without a deadline. */
  readonly deadline: () => number | undefined
  /** As `terrarium.progress()` in Python: tells the caller how far the call has come. Does nothing in a batch. */
  readonly progress: (done: number | undefined, total?: number, text?: string) => void
  /** The functions that the pool exposes. */
  readonly host: TestHost
  /** As `terrarium.session()` in Python; undefined for a call of no session, and in a batch. */
  readonly session: TestSession | undefined
  /** Prints a line, as a tool in Python does. Default: to stdout. */
  readonly print: (line: string, stream?: 'stdout' | 'stderr') => void
  /** Ends the worker at once, as `os._exit(code)` or a signal does. Never settles. */
  readonly exit: (exit?: TestExit) => Promise<never>
}

/** How a worker of a test exits. Default: exit status 1. */
export interface TestExit {
  readonly code?: number
  /** Instead of a code. */
  readonly signal?: SignalName
  /** What it says on stderr before. */
  readonly stderr?: string
}

/**
 * A tool. Its arguments and its result pass the codec, as on the way to Python and back. What it throws is told as
 * PYTHON_ERROR, `details.type` being the `name` of the error, with its own fields as `details.attributes`.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- a tool says itself what its arguments are
export type ToolFunction = (args: any, context: ToolContext) => unknown

/** A tool with what Python knows of its function. */
export interface TestTool {
  readonly run: ToolFunction
  /**
   * As a function marked `async def`: runs beside others, and is stopped instead of taking its worker with it. Default:
   * whether `run` was declared with `async`. Any other function occupies its worker until it has returned or its
   * promise is settled, as a sync tool does.
   */
  readonly isAsync?: boolean
  /**
   * As a generator function: has a stream of items: what `run` returns is iterated. Default: whether `run` was
   * declared with `function*`.
   */
  readonly isStream?: boolean
  /** The names of its parameters, those with a default with `?` behind: `['text', 'limit?']`. Default: not checked. */
  readonly parameters?: readonly string[]
  /**
   * As `@tool(batch=…)`: at most so many calls become one call of `run`, which gets an array for each argument, and
   * returns an array with a result of each call, in which an Error is the failure of its call. Default: no batches.
   */
  readonly batch?: number
  /** How long a call waits for others of its batch, in ms of the pool's clock. Default 5. */
  readonly within?: number
}

/** A tool as a worker of a test knows it. */
export interface KnownTool {
  readonly name: string
  readonly run: (args: unknown, context: ToolContext) => unknown
  readonly isAsync: boolean
  readonly isStream: boolean
  readonly parameters: readonly string[] | undefined
  /** 0: no batches. */
  readonly batch: number
  /** In ms. */
  readonly within: number
}

/** `tools`: checked. */
export function knownTools(tools: Readonly<Record<string, ToolFunction | TestTool>>): ReadonlyMap<string, KnownTool> {
  return new Map(
    Object.entries(tools).map(([name, tool]) => {
      const {
        run,
        isAsync = isDeclaredAsync(run),
        isStream = isDeclaredGenerator(run),
        parameters,
        batch = 0,
        within = 5,
      }: TestTool = typeof tool === 'function' ? { run: tool } : tool
      return [name, { name, run: run as KnownTool['run'], isAsync, isStream, parameters, batch, within }]
    }),
  )
}

const kindOf = (run: ToolFunction): string => Object.prototype.toString.call(run)
const isDeclaredAsync = (run: ToolFunction): boolean => kindOf(run).startsWith('[object Async')
const isDeclaredGenerator = (run: ToolFunction): boolean => kindOf(run).endsWith('GeneratorFunction]')

/** As in Python, see `_tools.py`. */
const isToolName = (name: string): boolean => name.length <= 128 && /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(name)

const NAME = "a name of 1 to 128 letters, digits, '_', '-' or '.', and begin with a letter or '_'"
const TOOL = 'a function, or { run, isAsync, isStream, parameters, batch, within }'

export function checkTestTools(check: Checker, options: Fields): void {
  check.required(options, 'tools', isFields, `an object with a function for each tool`)
  if (!isFields(options.tools)) return
  for (const [name, tool] of Object.entries(options.tools)) {
    const at = `tools.${name}`
    if (!isToolName(name)) check.say('invalid_option', `${at} must have ${NAME}`)
    check.required({ [at]: tool }, at, isTool, TOOL)
  }
}

const TOOL_FIELDS = ['run', 'isAsync', 'isStream', 'parameters', 'batch', 'within']

function isTool(tool: unknown): boolean {
  if (isFunction(tool)) return true
  if (!isFields(tool)) return false
  const { run, isAsync, isStream, parameters, batch, within } = tool
  const areParameters = isList(parameters) && parameters.every((name) => typeof name === 'string')
  return (
    isFunction(run) &&
    (isAsync === undefined || isBoolean(isAsync)) &&
    (isStream === undefined || isBoolean(isStream)) &&
    (parameters === undefined || areParameters) &&
    (batch === undefined || (Number.isInteger(batch) && (batch as number) > 0)) &&
    (within === undefined || isDuration(within)) &&
    Object.keys(tool).every((field) => TOOL_FIELDS.includes(field))
  )
}

/** Positional arguments by their names, as far as the parameters of the tool are known. */
export function byName({ parameters }: KnownTool, args: unknown): unknown {
  if (!isList(args) || parameters === undefined) return args
  const names = parameters.map((each) => each.replace(/\?$/, ''))
  return Object.fromEntries(args.map((value, index) => [names[index] ?? String(index), value]))
}

/** What the host is told of a tool. */
export function infoOf(tool: KnownTool): ToolInfo {
  const { name, isAsync, isStream, parameters, batch } = tool
  const signature = parameters === undefined ? '' : signatureOf(parameters)
  return { name, isAsync, isStream, summary: '', signature, doc: '', kind: isAsync ? 'async' : 'sync', batch }
}

const signatureOf = (parameters: readonly string[]): string =>
  `(${parameters.map((each) => each.replace(/\?$/, '=…')).join(', ')})`

/** Why the arguments do not fit the parameters of a tool; undefined if they do, or if its parameters are not known. */
export function misfit({ name, parameters }: KnownTool, args: object): string | undefined {
  if (parameters === undefined) return undefined
  const given = Object.keys(args)
  const known = parameters.map((each) => each.replace(/\?$/, ''))
  const missing = parameters.filter((each) => !each.endsWith('?')).find((each) => !given.includes(each))
  const extra = given.find((each) => !known.includes(each))
  const signature = name + signatureOf(parameters)
  if (extra !== undefined) return `${signature}: got an unexpected keyword argument '${extra}'`
  return missing === undefined ? undefined : `${signature}: missing a required argument: '${missing}'`
}
