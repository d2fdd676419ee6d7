// A stand-in for the Web Workers of a browser, built on Node's worker threads: the same interface, and inside the
// same globals. It lets the half for browsers be tested without one.
import { Worker } from 'node:worker_threads'
import type { WebWorker } from '@terrarium/threads/web'

type Listener = (event: never) => void

const START = new URL('fixtures/web/global.mjs', import.meta.url)

/** As `new Worker(address, { type: 'module' })` of a browser. */
export function standIn(module: URL): WebWorker & { readonly isTerminated: boolean } {
  const listeners = new Map<string, Set<Listener>>()
  const tell = (type: string, event: object): void => {
    for (const listener of listeners.get(type) ?? []) listener(event as never)
  }
  const worker = new Worker(START, { workerData: module.href })
  let isTerminated = false
  // A browser gives the error of a worker as text, and does not end the worker. Of a module that it cannot load it says
  // nothing.
  worker.on('message', (data: { readonly uncaught?: Error; readonly isUnloadable?: boolean }) => {
    if (data.uncaught === undefined) tell('message', { data })
    else tell('error', data.isUnloadable === true ? {} : shown(data.uncaught))
  })
  return {
    get isTerminated() {
      return isTerminated
    },
    postMessage: (message) => {
      worker.postMessage(message)
    },
    terminate: () => {
      isTerminated = true
      void worker.terminate()
    },
    addEventListener: (type, listener) => {
      listeners.set(type, (listeners.get(type) ?? new Set()).add(listener))
    },
  }
}

const shown = ({ name, message }: Error): object => ({
  message: `Uncaught ${name}: ${message}`,
  filename: 'x',
  lineno: 1,
})
