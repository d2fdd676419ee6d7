export type { Containment, ContainmentReport } from './containment.ts'
export { openRuntime, type CloseReport, type Runtime, type RuntimeOptions } from './runtime.ts'
export type { ExitStatus, OsProcess, SpawnRequest } from './os-process.ts'
export type { LeftAlone, SweepReport } from './sweep.ts'
export { readLog, type LogContents } from './log.ts'
export type { Reservation } from './record.ts'
export { HOST_VARIABLE, MARKER, MARKER_VARIABLE, type Identity } from './identity.ts'
export { bootId, findMarked, readIdentity } from './table.ts'
export { pythonHome } from './python-home.ts'
export { resolveInterpreter, type Interpreter } from './interpreter.ts'
export { keep, type KeepOptions, type Kept, type KeptEvents } from './keep.ts'
export {
  fromProgram,
  type OutputStream,
  type ProgramEvent,
  type ProgramInput,
  type ProgramLogic,
  type ProgramOptions,
  type ProgramSnapshot,
} from './program.ts'
