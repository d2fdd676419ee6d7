/**
 * Operating-system processes that never outlive their host. Each process is reserved on disk before it starts, dies
 * when its host dies, and is released when nothing of it is left. `openRuntime` starts processes, `keep` restarts a
 * program whenever it exits, and `fromProgram` makes a program an XState actor.
 *
 * ```ts
 * import { openRuntime, resolveInterpreter } from '@terrarium/process'
 *
 * const interpreter = await resolveInterpreter() // Python, which runs the shepherd
 * const runtime = await openRuntime({ python: interpreter.path })
 * const sleeper = await runtime.spawn({ name: 'sleeper', command: 'sleep', args: ['60'] })
 * console.log(runtime.census().length) // 1
 *
 * const status = await sleeper.terminate()
 * console.log(status.signal) // SIGTERM
 * await sleeper.released // the process and all its descendants are gone, and so is the reservation
 * console.log(await runtime.close()) // { killed: 0, unreleased: 0, left: [] }
 * ```
 */
/// <reference types="node" preserve="true" />
export type { Containment, ContainmentResult } from './shepherd/containment.ts'
export { openRuntime, type CloseResult, type Runtime, type RuntimeOptions } from './runtime.ts'
export {
  OsProcess,
  type Exit,
  type ExitStatus,
  type MemoryShortage,
  type News,
  type SignalName,
  type SpawnRequest,
} from './life/os-process.ts'
export type { LeftAlone } from './sweep/dead-runs.ts'
export type { SweepResult } from './sweep/sweep.ts'
export { readLog, type LogContents } from './log/read-log.ts'
export type { Reservation } from './log/record.ts'
export { HOST_VARIABLE, SPAWN_ARGUMENTS, SPAWN_TAG_VARIABLE, type Identity } from './table/identity.ts'
export { bootId, findTagged, readIdentity } from './table/table.ts'
export { checkContainment, checkEnv, checkLogger, checkMs, checkPath, isWhole, LONGEST_MS } from './check-options.ts'
export { LineSplitter, readLines, type LineReader } from './lines.ts'
export { guardLogger, type AnyLogger } from './guarded-logger.ts'
export { pythonFiles, shepherdFiles } from './python-files.ts'
export { EnvironmentWatch, type EnvironmentWatchOptions } from './environment-watch.ts'
export { dependenciesOfInterpreter } from './shepherd/dependencies.ts'
export { interpreterSources, resolveInterpreter, type Interpreter, type InterpreterSource } from './interpreter.ts'
export { errorAbout, explainExit, type ExitFacts, type Explanation, type Subject } from './life/explain-exit.ts'
export { lifeMachine, type LifeContext, type LifeEvent, type LifeLogic } from './life/machine.ts'
export type { End, Life, OpenPort, Port } from './life/port.ts'
export { keep, type KeepOptions, type Kept, type KeptEvents } from './keep/keep.ts'
export {
  fromProgram,
  type OutputStream,
  type ProgramEvent,
  type ProgramInput,
  type ProgramLogic,
  type ProgramOptions,
  type ProgramSnapshot,
} from './keep/program.ts'
