// The door `@terrarium/threads/thread` in Node: `expose()` for modules that run in a worker thread.
import { parentPort, workerData } from 'node:worker_threads'
import { exposer, type HostPort } from '../shared/expose.ts'
import type { Order } from '../shared/protocol.ts'
import { MARK } from './mark.ts'

const port: HostPort | undefined =
  parentPort === null || workerData !== MARK
    ? undefined
    : {
        post: parentPort.postMessage.bind(parentPort),
        listen: (heard) => {
          parentPort?.on('message', (order: Order) => {
            heard(order)
          })
        },
        // A rejection that is not handled is an uncaught exception, too. The thread may handle it after this.
        onUncaught: (failed) => {
          process.on('uncaughtExceptionMonitor', failed)
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
