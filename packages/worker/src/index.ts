export { decode, encode } from './codec.ts'
export { resolveInterpreter, type Interpreter } from '@terrarium/process'
export {
  createWorkerLogic,
  type WorkerContext,
  type WorkerEvent,
  type WorkerLogic,
  type WorkerRef,
  type WorkerSnapshot,
} from './machine.ts'
export { workerFiles, type WorkerInput, type WorkerSurroundings } from './driver.ts'
export { logOutput, type WorkerOutput } from './output.ts'
export { SessionServer } from './session-server.ts'
export {
  checkCallSize,
  PROTOCOL_VERSION,
  MAX_MESSAGE_BYTES,
  type Session,
  type Settle,
  type ToolInfo,
} from './session.ts'
export type { Heartbeat } from './heartbeat.ts'
