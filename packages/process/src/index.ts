export type { Containment, ContainmentReport } from './shepherd/containment.ts'
export { openRuntime, type CloseReport, type Runtime, type RuntimeOptions } from './runtime.ts'
export type { ExitStatus, OsProcess, SpawnRequest } from './os-process.ts'
export type { LeftAlone, SweepReport } from './sweep/sweep.ts'
export { readLog, type LogContents } from './log/log.ts'
export type { Reservation } from './log/record.ts'
export { HOST_VARIABLE, MARKER, MARKER_VARIABLE, type Identity } from './table/identity.ts'
export { bootId, findMarked, readIdentity } from './table/table.ts'
export { startTimer } from './pacing/patience.ts'
export { LineSplitter, readLines, type LineReader } from './lines.ts'
export { pythonFiles, shepherdFiles } from './python-files.ts'
export { EnvironmentWatch, type EnvironmentWatchOptions } from './environment-watch.ts'
export { dependenciesOfInterpreter } from './shepherd/dependencies.ts'
export { resolveInterpreter, type Interpreter } from './interpreter.ts'
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
