/** The door `@terrarium/threads/web`: threads of browsers. Nothing here needs Node. */
export { fromWebWorker, type WebWorker, type WebWorkerOptions } from './web-worker.ts'
export type { ThreadOptions } from '../shared/options.ts'
export type { Exposed, LogicOfExposed, ThreadLogic, ThreadSnapshot, ThreadWork } from '../shared/types.ts'
