// fromWebWorker(): Web Workers of browsers as actor logic.
import { Checker, fieldsOf, isFunction, ownOptions } from '@terrarium/supervisor/base'
import { threadLogic } from '../shared/logic.ts'
import {
  checkThreadOptions,
  hrefOf,
  isAddress,
  settingsOf,
  type Address,
  type ThreadOptions,
} from '../shared/options.ts'
import type { News } from '../shared/protocol.ts'
import type { Thread, ThreadListener, ThreadSource } from '../shared/thread.ts'
import type { Exposed, LogicOfExposed, ThreadLogic } from '../shared/types.ts'

export type WebWorkerOptions = ThreadOptions

// Does not compile when an option is missing here.
const OPTIONS: Readonly<Record<keyof WebWorkerOptions, true>> = { name: true, startTimeout: true, onFault: true }

/** A browser's `Worker`, as far as it is used here. */
export interface WebWorker {
  postMessage(message: unknown): void
  terminate(): void
  addEventListener(type: 'message' | 'messageerror' | 'error', listener: (event: never) => void): void
}

interface Happening {
  readonly data?: unknown
  readonly message?: unknown
  readonly error?: unknown
  readonly filename?: unknown
  readonly lineno?: unknown
  preventDefault?(): void
}

/**
 * What a module exposes, as XState actor logic that runs in a Web Worker: each actor is one worker. `module`: its
 * address, or a function that makes the worker, by which bundlers find the module:
 *
 * ```ts
 * fromWebWorker(() => new Worker(new URL('./counter.js', import.meta.url), { type: 'module' }))
 * ```
 *
 * Ends and fails as `fromWorkerThread()` of Node does. A browser says less: it has no memory limit, and it gives no
 * reason why a module cannot be loaded.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once.
 */
export function fromWebWorker<TExposed extends Exposed>(
  module: Address | (() => WebWorker),
  given: WebWorkerOptions = {},
): ThreadLogic<LogicOfExposed<TExposed>> {
  const options = ownOptions(given, fieldsOf(OPTIONS))
  checkWebWorker(module, options)
  const source: ThreadSource = {
    module: typeof module === 'function' ? 'of the worker' : hrefOf(module),
    endsWhenUncaught: false,
    open: (listener, name) => open(typeof module === 'function' ? module() : makeWorker(module, name), listener),
  }
  return threadLogic(source, settingsOf(options, false), { module: source.module, ...options })
}

function checkWebWorker(module: unknown, options: unknown): void {
  const check = new Checker()
  const isSource = (value: unknown): boolean => isFunction(value) || isAddress(value)
  check.required({ module }, 'module', isSource, 'an address, or a function that makes a Worker')
  if (check.object('options', options, OPTIONS)) {
    check.known(options, OPTIONS)
    checkThreadOptions(check, options)
  }
  check.finish('thread')
}

function makeWorker(module: Address, name: string): WebWorker {
  const { Worker } = globalThis as unknown as {
    readonly Worker: new (address: string, options: object) => WebWorker
  }
  return new Worker(hrefOf(module), { type: 'module', name })
}

function open(worker: WebWorker, listener: ThreadListener): Thread {
  const on = (type: 'message' | 'messageerror' | 'error', heard: (event: Happening) => void): void => {
    worker.addEventListener(type, heard)
  }
  on('message', ({ data }) => {
    listener.heard(data as News)
  })
  on('messageerror', ({ data }) => {
    listener.failed(data, 'unreadable')
  })
  on('error', (event) => {
    event.preventDefault?.() // it is handled here
    listener.failed(errorOf(event), 'uncaught')
  })
  return {
    post: (order) => {
      worker.postMessage(order)
    },
    // A browser does not tell the end of a worker: from here on nothing of it is heard.
    terminate: () => {
      worker.terminate()
      listener.exited(undefined)
    },
    setReferenced: () => undefined,
  }
}

/** What a browser says of an error in a worker. Of a module that cannot be loaded it says nothing. */
function errorOf({ message, filename, lineno }: Happening): unknown {
  if (typeof message !== 'string' || message === '') return undefined
  const [, name = 'Error', text = message] = /^(?:Uncaught )?(\w*Error): (.*)$/s.exec(message) ?? []
  const error = Object.assign(new Error(text), { name })
  error.stack = `${name}: ${text}\n    at ${String(filename)}:${String(lineno)}:1`
  return error
}
