/// <reference types="node" preserve="true" />
export type { Containment, ContainmentResult } from './shepherd/containment.ts'
export { openRuntime, type CloseResult, type Runtime, type RuntimeOptions } from './runtime.ts'
export type { ExitStatus, OsProcess, SpawnRequest } from './os-process.ts'
export { describeShortage } from './memory-shortage.ts'
export type { MemoryShortage, SignalName } from './shepherd/launch.ts'
export type { LeftAlone } from './sweep/dead-runs.ts'
export type { SweepResult } from './sweep/sweep.ts'
export { readLog, type LogContents } from './log/read-log.ts'
export type { Reservation } from './log/record.ts'
export { HOST_VARIABLE, SPAWN_ARGUMENTS, SPAWN_TAG_VARIABLE, type Identity } from './table/identity.ts'
export { bootId, findTagged, readIdentity } from './table/table.ts'
export { checkContainment, checkEnv, checkLogger, checkMs, checkPath, isWhole, LONGEST_MS } from './check-options.ts'
export { tellingLine } from './last-words.ts'
export { LineSplitter, readLines, type LineReader } from './lines.ts'
export { guardLogger, type AnyLogger } from './guarded-logger.ts'
export { startTimer } from './pacing/patience.ts'
export { pythonFiles, shepherdFiles } from './python-files.ts'
export { EnvironmentWatch, type EnvironmentWatchOptions } from './environment-watch.ts'
export { dependenciesOfInterpreter } from './shepherd/dependencies.ts'
export { interpreterSources, resolveInterpreter, type Interpreter, type InterpreterSource } from './interpreter.ts'
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
