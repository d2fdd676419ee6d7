// fromWorkerThread(): worker threads of Node as actor logic.
import { pathToFileURL } from 'node:url'
import { isAbsolute } from 'node:path'
import { Worker, type ResourceLimits, type WorkerOptions } from 'node:worker_threads'
import { Checker, fieldsOf, isBoolean, isFields, isList, isNumber, ownOptions } from '@terrarium/supervisor/base'
import { threadLogic } from '../shared/logic.ts'
import {
  checkThreadOptions,
  hrefOf,
  isAddress,
  settingsOf,
  type Address,
  type ThreadOptions,
} from '../shared/options.ts'
import type { News, Order } from '../shared/protocol.ts'
import type { Thread, ThreadListener, ThreadSource } from '../shared/thread.ts'
import type { Exposed, LogicOfExposed, ThreadLogic } from '../shared/types.ts'
import { MARK } from './mark.ts'

export interface WorkerThreadOptions extends ThreadOptions {
  /**
   * The memory that the thread may use, as Node's `resourceLimits`: `maxOldGenerationSizeMb`,
   * `maxYoungGenerationSizeMb`, `codeRangeSizeMb`, `stackSizeMb`. A thread that needs more fails with OUT_OF_MEMORY.
   * Buffers are outside of these limits. Default: Node's.
   */
  readonly resourceLimits?: ResourceLimits | undefined
  /** The thread's `process.env`. Default: a copy of the host's. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** The thread's options of Node, for instance `['--import', 'tsx']`. Default: the host's. */
  readonly execArgv?: readonly string[] | undefined
  /**
   * True: the host process may end although the thread runs, which ends the thread. While it starts, and while it is
   * asked to end, it keeps the host alive. Default `false`.
   */
  readonly unref?: boolean | undefined
}

// Does not compile when an option is missing here.
const OPTIONS: Readonly<Record<keyof WorkerThreadOptions, true>> = {
  name: true,
  startTimeout: true,
  onFault: true,
  resourceLimits: true,
  env: true,
  execArgv: true,
  unref: true,
}

const LIMITS: Readonly<Record<keyof ResourceLimits, true>> = {
  maxOldGenerationSizeMb: true,
  maxYoungGenerationSizeMb: true,
  codeRangeSizeMb: true,
  stackSizeMb: true,
}

const OWN = fieldsOf(OPTIONS, { resourceLimits: fieldsOf(LIMITS), env: fieldsOf() })

/**
 * What a module exposes, as XState actor logic that runs in a worker thread: each actor is one thread. Invoke it, spawn
 * it, or make it the child of a supervisor. `module`: a file URL, `new URL('./counter.js', import.meta.url)` for
 * instance, or an absolute path. The module calls `expose()` of `@terrarium/threads/thread`.
 *
 * The actor ends as what runs inside ends: with its output, or with its error, which keeps name, message, stack, code
 * and cause. It fails with CONFIGURATION (the module cannot be loaded, or exposes nothing), START_FAILED (it failed
 * while it was loaded; no snapshot in time), OUT_OF_MEMORY, WORKER_CRASHED (the thread exited before its actor), and
 * INVALID_ARGUMENT (input, output, snapshot or an event from inside cannot be cloned).
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once.
 */
export function fromWorkerThread<TExposed extends Exposed>(
  module: Address,
  given: WorkerThreadOptions = {},
): ThreadLogic<LogicOfExposed<TExposed>> {
  const options = ownOptions(given, OWN)
  checkWorkerThread(module, options)
  const href = isAbsolute(hrefOf(module)) ? pathToFileURL(hrefOf(module)).href : hrefOf(module)
  const source: ThreadSource = {
    module: href,
    endsWhenUncaught: true,
    open: (listener, name) => open(href, { ...options, name }, listener),
  }
  return threadLogic(source, settingsOf(options, options.unref ?? false), { module: href, ...options })
}

function checkWorkerThread(module: unknown, options: unknown): void {
  const check = new Checker()
  const isReachable = (value: unknown): boolean =>
    isAddress(value) && (isAbsolute(hrefOf(value as Address)) || /^(file|data):/.test(hrefOf(value as Address)))
  check.required({ module }, 'module', isReachable, 'a URL of a file, or an absolute path')
  if (check.object('options', options, OPTIONS)) {
    check.known(options, OPTIONS)
    checkThreadOptions(check, options)
    check.group(options, 'resourceLimits', LIMITS, (limits, inner) => {
      for (const name of Object.keys(LIMITS))
        inner.field(limits, name, (value) => isNumber(value) && value > 0, 'MB, more than 0')
    })
    const isEnv = (value: unknown): boolean =>
      isFields(value) && Object.values(value).every((each) => each === undefined || typeof each === 'string')
    check.field(options, 'env', isEnv, 'an object of strings')
    const areArguments = (value: unknown): boolean => isList(value) && value.every((each) => typeof each === 'string')
    check.field(options, 'execArgv', areArguments, 'an array of strings')
    check.field(options, 'unref', isBoolean, 'true or false')
  }
  check.finish('thread')
}

function open(
  href: string,
  options: WorkerThreadOptions & { readonly name: string },
  listener: ThreadListener,
): Thread {
  const { name, resourceLimits, env, execArgv } = options
  const worker = new Worker(new URL(href), {
    name,
    workerData: MARK,
    ...(resourceLimits && { resourceLimits }),
    ...(env && { env: env as NonNullable<WorkerOptions['env'] & object> }),
    ...(execArgv && { execArgv: [...execArgv] }),
  })
  worker.on('message', (news: News) => {
    listener.heard(news)
  })
  worker.on('messageerror', (error) => {
    listener.failed(error, 'unreadable')
  })
  worker.on('error', (error: unknown) => {
    const { code } = (error ?? {}) as { readonly code?: unknown }
    listener.failed(error, code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'uncaught')
  })
  worker.on('exit', (exitCode) => {
    listener.exited(exitCode)
  })
  return {
    post: (order: Order) => {
      worker.postMessage(order)
    },
    terminate: () => {
      void worker.terminate()
    },
    setReferenced: (isReferenced) => {
      if (isReferenced) worker.ref()
      else worker.unref()
    },
  }
}
