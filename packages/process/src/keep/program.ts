// Any external program as XState actor logic: the life machine with a line of output as its port.
import { exitWith, READY, type ExitReason } from '@terrarium/supervisor/base'
import type {
  ActorLogic,
  ActorScope,
  ActorSystem,
  ActorSystemInfo,
  AnyActorLogic,
  EventObject,
  Snapshot,
  SnapshotFrom,
} from 'xstate'
import type { LifeNews } from '../life/driver.ts'
import { lifeMachine, type LifeLogic } from '../life/machine.ts'
import type { ExitStatus } from '../life/os-process.ts'
import type { Runtime } from '../runtime.ts'
import { checkProgram, ownInput, ownProgram } from './program-options.ts'
import { ProgramPort } from './program-port.ts'

export interface ProgramOptions {
  /** The runtime that starts the program. It is left open. */
  readonly runtime: Runtime
  /** For people, in errors and in the reservation. Default: the command without its folder. */
  readonly name?: string | undefined
  /** Added to the host's environment; `TERRARIUM_SPAWN` is always in it. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default: the host's. */
  readonly cwd?: string | undefined
  /**
   * Which line of output, without the end of the line, says that the program is ready. Default: ready as soon as it
   * runs.
   */
  readonly ready?: RegExp | ((line: string, stream: OutputStream) => boolean) | undefined
  /** How long the program may take to become ready, in ms of the actor system's clock. Default 30,000. */
  readonly startTimeout?: number | undefined
  /** How long the program may take to exit after SIGTERM before it is killed, in ms. Default 2,000. */
  readonly grace?: number | undefined
  /**
   * Whether the output is emitted line by line. Default false: output is read and thrown away, so that the program
   * never waits for a reader.
   */
  readonly lines?: boolean | undefined
}

export type OutputStream = 'stdout' | 'stderr'

/** Replaces what {@link fromProgram} was given, field by field: for templates, and for machines that know it late. */
export type ProgramInput = { readonly args?: readonly string[] | undefined } & Pick<
  ProgramOptions,
  'name' | 'env' | 'cwd'
>

export type ProgramEvent =
  /** There is a process. */
  | { readonly type: 'program.start'; readonly pid: number; readonly spawnId: string }
  | { readonly type: 'program.ready'; readonly pid: number }
  /**
   * The program has exited by a signal to the whole application. Its end is told when the host has drained and stops
   * it, after 90 s at the latest.
   */
  | { readonly type: 'program.held'; readonly pid: number }
  /** With `lines` only. A longer line comes in pieces of 65,536 UTF-16 code units. Lines may come after the exit. */
  | { readonly type: 'program.line'; readonly pid: number; readonly stream: OutputStream; readonly line: string }

export type ProgramSnapshot = Snapshot<ExitStatus> & {
  /** `running` once it is ready, which is when a supervised program counts as ready. */
  readonly phase: 'starting' | 'running' | 'stopping'
  /** Both are undefined until there is a process. */
  readonly pid: number | undefined
  readonly spawnId: string | undefined
  readonly input: ProgramInput | undefined
  /** Tells a supervisor that the program can be asked to end. */
  can(event: EventObject): boolean
}

export type ProgramLogic = ActorLogic<
  ProgramSnapshot,
  EventObject,
  ProgramInput | undefined,
  ActorSystem<ActorSystemInfo>,
  ProgramEvent
>

type Machine = LifeLogic<ProgramInput | undefined>
type LifeSnapshot = SnapshotFrom<Machine>

/**
 * Any external program as XState actor logic: one life of it, from its reservation to the proof of its death. Invoke
 * it, spawn it, or make it the child of a supervisor.
 *
 * Its output is the {@link ExitStatus} when it has ended with status 0 after it was ready, or after it was asked to end
 * with `{ type: 'supervisor.shutdown' }`. Otherwise it fails: CONFIGURATION (the program can never start), START_FAILED
 * (the system refuses now; it ended, or its time was up, before it was ready), WORKER_CRASHED (it ended later), STOPPED
 * (the runtime is closed); `details` has its `pid`, `code` and `signal`, and the end of its `stderr`. An actor that is
 * stopped by XState, since its state was left, ends the program in the same way, but its end is not waited for.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once.
 */
export function fromProgram(command: string, givenArgs: readonly string[], given: ProgramOptions): ProgramLogic {
  const [args, options] = ownProgram(givenArgs, given)
  checkProgram(command, args, options)
  const machine: Machine = lifeMachine<ProgramInput | undefined>(
    'program',
    (input, life) => new ProgramPort({ ...options, command, ...input, args: input?.args ?? args }, life),
    {},
  )
  const begin = (scope: ActorScope<never, never>, givenInput: ProgramInput | undefined): ProgramSnapshot => {
    const input = ownInput(givenInput)
    checkProgram(command, args, options, input)
    return viewOf(machine.getInitialSnapshot(scope as never, input))
  }
  const logic = {
    [READY]: ({ phase }: ProgramSnapshot) => phase === 'running',
    getInitialSnapshot: begin,
    getPersistedSnapshot: ({ status, output, error, input }: ProgramSnapshot) => ({ status, output, error, input }),
    /** The program is started afresh. */
    restoreSnapshot: (persisted: ProgramSnapshot, scope: ActorScope<never, never>): ProgramSnapshot => {
      const { status, input } = persisted
      if (status === 'active') return begin(scope, input)
      const context = { input, pid: undefined, spawnId: undefined, reason: undefined }
      return { ...viewOf(machine.resolveState({ value: 'terminated', context })), ...persisted }
    },
    transition: (
      snapshot: ProgramSnapshot,
      event: LifeNews | ProgramEvent,
      scope: ActorScope<never, never, ActorSystem<ActorSystemInfo>, ProgramEvent>,
    ): ProgramSnapshot => {
      const told = toldBy(event, snapshot)
      // After the transition, so that its listeners see it.
      if (told !== undefined) {
        scope.defer(() => {
          scope.emit(told)
        })
      }
      if (event.type === 'program.line') return snapshot
      return viewOf(machine.transition(snapshot as unknown as LifeSnapshot, event as LifeNews, scope as never))
    },
  }
  // For everything else, above all for what an inspector asks, it is the machine.
  return Object.assign(Object.create(machine) as AnyActorLogic, logic)
}

/** What listeners of the program are told of an event of its life. */
function toldBy(event: LifeNews | ProgramEvent, { phase, pid = 0 }: ProgramSnapshot): ProgramEvent | undefined {
  switch (event.type) {
    case 'life.spawned':
      return { type: 'program.start', pid: event.pid, spawnId: event.spawnId }
    case 'life.ready':
      return phase === 'starting' ? { type: 'program.ready', pid } : undefined
    case 'life.held':
      return { type: 'program.held', pid }
    case 'program.line':
      return event
    default:
      return undefined
  }
}

/** Turns the snapshot of the machine into a snapshot of the program. The machine never fails: its output says why. */
function viewOf(snapshot: LifeSnapshot): ProgramSnapshot {
  const { pid, spawnId, input, reason } = snapshot.context
  const end = snapshot.status === 'done' && reason !== undefined ? endOf(reason) : {}
  return { ...snapshot, phase: phaseOf(snapshot), pid, spawnId, input, ...end } as unknown as ProgramSnapshot
}

function phaseOf(snapshot: LifeSnapshot): ProgramSnapshot['phase'] {
  if (snapshot.matches('active')) return 'running'
  return snapshot.matches('terminating') || snapshot.matches('terminated') ? 'stopping' : 'starting'
}

function endOf(reason: ExitReason): Pick<ProgramSnapshot, 'status' | 'output' | 'error'> | object {
  switch (reason.type) {
    case 'error':
      return { status: 'error', output: undefined, error: reason.error }
    case 'shutdown':
      return { output: { ...(reason.detail as ExitStatus), ...exitWith(reason) } }
    case 'normal':
      return { output: reason.output }
    case 'killed':
      return {}
  }
}
