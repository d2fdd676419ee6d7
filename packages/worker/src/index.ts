/// <reference types="node" preserve="true" />
export { decode, encode, ValueCodec } from './values/codec.ts'
export { isPlainObject } from './values/plain-object.ts'
export { NdArray } from './values/nd-array.ts'
export { checkTypes, VALUE_TYPE, type ValueType } from './values/registry.ts'
export { MAX_MESSAGE_BYTES } from './values/wire.ts'
export type { TypedArray } from './values/views.ts'
export { resolveInterpreter, type Interpreter } from '@terrarium/process'
export {
  createWorkerLogic,
  type WorkerContext,
  type WorkerEvent,
  type WorkerLogic,
  type WorkerRef,
  type WorkerSnapshot,
} from './machine.ts'
export { workerFiles, type WorkerInput, type WorkerSurroundings } from './session-port.ts'
export { logOutput, type WorkerOutput } from './output.ts'
export { SessionServer } from './session-server.ts'
export { checkCallSize, PROTOCOL_VERSION, type Session, type Settle, type ToolInfo } from './session.ts'
export type { Heartbeat } from './heartbeat.ts'
