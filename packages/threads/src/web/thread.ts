// The door `@terrarium/threads/thread` in browsers: `expose()` for modules that run in a Web Worker.
import { exposer, type HostPort } from '../shared/expose.ts'
import type { Order } from '../shared/protocol.ts'

/** The global object of a Web Worker, as far as it is used here. */
interface WorkerGlobal {
  readonly document?: unknown
  readonly importScripts?: unknown
  readonly postMessage?: (message: unknown) => void
  readonly addEventListener?: (type: string, listener: (event: WorkerEvent) => void) => void
}

interface WorkerEvent {
  readonly data?: unknown
  readonly error?: unknown
  readonly reason?: unknown
  readonly message?: unknown
  preventDefault?(): void
}

const global = globalThis as unknown as WorkerGlobal
const { addEventListener: listen, postMessage: post } = global

/** Only workers have `importScripts`, module workers too. */
const isWorker = 'importScripts' in global && global.document === undefined

const port: HostPort | undefined =
  !isWorker || listen === undefined || post === undefined
    ? undefined
    : {
        post: post.bind(globalThis),
        listen: (heard) => {
          listen.call(globalThis, 'message', ({ data }) => {
            heard(data as Order)
          })
        },
        onUncaught: (failed) => {
          listen.call(globalThis, 'error', ({ error, message }) => {
            failed(error ?? message)
          })
          listen.call(globalThis, 'unhandledrejection', (event) => {
            event.preventDefault?.() // it is told, so the browser need not report it too
            failed(event.reason)
          })
        },
      }

/**
 * Makes a machine, any other actor logic, or a function the actor of this thread. Once per thread, in the module that
 * the thread is started with. Returns what it is given, for its type: `export default expose(machine)`. Outside of a
 * thread it does nothing else, so the module can be imported in tests.
 */
export const expose = exposer(port)
export { exitWith } from '../shared/expose.ts'
export type { Exposed, ThreadWork } from '../shared/types.ts'
