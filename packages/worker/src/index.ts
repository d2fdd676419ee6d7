/**
 * Python workers as XState actors. A worker is one supervised Python process with a session: it connects to the host's
 * `SessionServer`, lists its tools, and answers calls. Most users want `@terrarium/pool`, which places calls on
 * workers; this package is for code that places calls itself.
 *
 * ```ts
 * import { writeFileSync } from 'node:fs'
 * import { join } from 'node:path'
 * import { guardLogger, openRuntime } from '@terrarium/process'
 * import { createSupervisor, systemClock } from '@terrarium/supervisor'
 * import { createWorkerLogic, resolveInterpreter, SessionServer, ValueCodec } from '@terrarium/worker'
 *
 * const interpreter = await resolveInterpreter()
 * const runtime = await openRuntime({ python: interpreter.path })
 * const server = await SessionServer.listen(runtime.directory)
 *
 * const tools = join(runtime.directory, 'tools.py')
 * writeFileSync(tools, 'from terrarium import tool\n\n@tool\ndef add(a: int, b: int) -> int:\n    return a + b\n')
 *
 * const logger = guardLogger(undefined, { app: 'demo' }) // warnings and errors, to stderr
 * const logic = createWorkerLogic({ runtime, server, logger, clock: systemClock })
 * const input = { name: 'worker-1', python: interpreter.path, tools: [tools] }
 * const ready = (snapshot) => snapshot.matches('active')
 * const supervisor = createSupervisor({ id: 'workers', children: [{ id: 'worker-1', logic, input, ready }] })
 * await supervisor.start()
 *
 * const { session } = supervisor.children[0].ref.getSnapshot().context
 * const timeout = 0 // in ms; 0: none
 * const sum = await new Promise((resolve) => {
 *   const args = new ValueCodec().encode({ a: 1, b: 2 })
 *   session.call('add', args, timeout, { settled: ({ value }) => resolve(value) })
 * })
 * console.log(sum) // 3
 *
 * await supervisor.stop()
 * server.close()
 * await runtime.close()
 * ```
 */
/// <reference types="node" preserve="true" />
export { decode, encode, ValueCodec } from './values/codec.ts'
export type { EncodedValue } from './values/encoded-value.ts'
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
export { type WorkerInput, type WorkerDependencies } from './session-port.ts'
export { workerFiles } from './worker-files.ts'
export { logOutput, type WorkerOutput } from './output.ts'
export { SessionServer } from './session-server.ts'
export {
  checkCallSize,
  Session,
  type CallExtras,
  type CallOutcome,
  type SessionCall,
  type SessionDependencies,
} from './session.ts'
export type { TakeItem } from './item-streams.ts'
export { FeedSource } from './feed-source.ts'
export type { Progress, TakeProgress } from './progress-takers.ts'
export { HOST_CALL_LIMIT, type HostCall, type HostFailureCode } from './host-calls.ts'
export { thrownIn, type Thrown } from './thrown.ts'
export { PROTOCOL_VERSION } from './version.ts'
export { BEGUN_WORDS, type BegunCalls } from './begun-page.ts'
export type { Announcement } from './reception.ts'
export {
  DEFAULT_TRANSPORT,
  FAILURE_CODE,
  ITEM_OVERHEAD,
  STREAM_WINDOW,
  type CallFrame,
  type CancelFrame,
  type Carrier,
  type CreditFrame,
  type FailureFrame,
  type FeedEndFrame,
  type FeedFrame,
  type HostCallFrame,
  type HostCancelFrame,
  type HostCreditFrame,
  type HostFailureFrame,
  type HostFrame,
  type SessionCloseFrame,
  type SessionOpenFrame,
  type ProgressFrame,
  type HostItemFrame,
  type HostResultFrame,
  type ToolInfo,
  type Transport,
  type WantFrame,
  type WorkerFrame,
} from './frame.ts'
export type { Heartbeat } from './heartbeat.ts'
