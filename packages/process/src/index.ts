/// <reference types="node" preserve="true" />
export type { Containment, ContainmentReport } from './shepherd/containment.ts'
export { openRuntime, type CloseReport, type Runtime, type RuntimeOptions } from './runtime.ts'
export type { ExitStatus, MemoryShortage, OsProcess, SignalName, SpawnRequest } from './life/os-process.ts'
export type { LeftAlone } from './sweep/judge.ts'
export type { SweepReport } from './sweep/sweep.ts'
export { readLog, type LogContents } from './log/log.ts'
export type { Reservation } from './log/record.ts'
export { HOST_VARIABLE, MARKER, MARKER_VARIABLE, type Identity } from './table/identity.ts'
export { bootId, findMarked, readIdentity } from './table/table.ts'
export { checkContainment, checkEnv, checkLogger, checkMs, checkPath, isWhole, LONGEST_MS } from './check-options.ts'
export { LineSplitter, readLines, type LineReader } from './lines.ts'
export { ownLog, type Log } from './own-log.ts'
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
