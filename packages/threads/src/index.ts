/**
 * XState actors in threads of their own. A thread has its own event loop, so an endless loop in one disturbs no other,
 * and its supervisor can really kill it.
 *
 * ```ts
 * import { isMainThread } from 'node:worker_threads'
 * import { createSupervisor } from '@terrarium/supervisor'
 * import { fromWorkerThread } from '@terrarium/threads'
 * import { expose } from '@terrarium/threads/thread'
 *
 * // Runs in the thread. Most often this is a module of its own.
 * expose(({ input }) => input.reduce((sum, number) => sum + number, 0))
 *
 * if (isMainThread) {
 *   const logic = fromWorkerThread(new URL(import.meta.url))
 *   const child = { id: 'sum', logic, input: [1, 2, 3], restart: 'transient' }
 *   const app = createSupervisor({ id: 'app', children: [child] })
 *   app.on('child.exit', ({ id, reason }) => {
 *     console.log(id, reason.output) // sum 6
 *   })
 *   await app.start()
 * }
 * ```
 */
export { fromWorkerThread, type WorkerThreadOptions } from './node/worker-thread.ts'
export type { ThreadOptions } from './shared/options.ts'
export type { Exposed, LogicOfExposed, ThreadLogic, ThreadSnapshot, ThreadWork } from './shared/types.ts'
