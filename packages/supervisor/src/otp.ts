/**
 * OTP for any XState actor, supervised or not, `@terrarium/supervisor/otp`: calls and servers, links and monitors,
 * exits and exit signals, registries, tasks. `docs/supervisor/actors.md` names each.
 */
export { call, type CallOptions } from './otp/server/call.ts'
export { cast } from './otp/server/cast.ts'
export { reply, type CallEvent, type From } from './otp/server/from.ts'
export { fromServer, type ServerLogic, type ServerSnapshot } from './otp/server/from-server.ts'
export type { HandlerResult, InitResult, Next, ServerBehaviour } from './otp/server/behaviour.ts'
export { stopServer, type StopOptions } from './otp/server/stop-server.ts'
export { exit, exitReasonOf, exitSignal, trapExit, type ExitEvent } from './actor/exit.ts'
export { link, unlink } from './otp/link.ts'
export { monitor, type DownEvent, type Monitor } from './otp/monitor.ts'
export {
  createRegistry,
  type Registry,
  type RegistryEntry,
  type RegistryEvent,
  type RegistryOptions,
} from './otp/registry.ts'
export { startTask, type Task, type Work } from './supervised-task.ts'
export { SupervisedActor } from './actor/supervised-actor.ts'
