import { READY } from '@terrarium/supervisor/base'
import type { ActorLogic, ActorSystem, ActorSystemInfo, AnyActorRef, EventObject, Snapshot } from 'xstate'
import type { ExitStatus } from '../os-process.ts'
import { checkProgram, ownInput, ownProgram } from './program-options.ts'
import { ProgramRun, type News } from './program-run.ts'
import type { Runtime } from '../runtime.ts'

export interface ProgramOptions {
  /** The run that the program belongs to. It is left open. */
  readonly runtime: Runtime
  /** For people: in errors and in the reservation. Default: the command without its folder. */
  readonly name?: string | undefined
  /** Added to the host's environment; `TERRARIUM_SPAWN` is always in it. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default: the host's. */
  readonly cwd?: string | undefined
  /**
   * Which line of its output, without the line's end, says that it is ready. Default: it is ready as soon as it runs.
   */
  readonly ready?: RegExp | ((line: string, stream: OutputStream) => boolean) | undefined
  /** How long it may take to become ready, in ms of the actor system's clock. Default 30,000. */
  readonly startTimeout?: number | undefined
  /** How long it may take to end after SIGTERM before its group is killed, in ms. Default 2,000. */
  readonly grace?: number | undefined
  /**
   * Whether its output is emitted line by line. Default false: it is read and thrown away, so that the program never
   * waits.
   */
  readonly lines?: boolean | undefined
}

export type OutputStream = 'stdout' | 'stderr'

/** Laid over what {@link fromProgram} was given, field by field: for templates, and for machines that know it late. */
export type ProgramInput = { readonly args?: readonly string[] | undefined } & Pick<
  ProgramOptions,
  'name' | 'env' | 'cwd'
>

export type ProgramEvent =
  /** It runs. */
  | { readonly type: 'program.start'; readonly pid: number; readonly spawnId: string }
  | { readonly type: 'program.ready'; readonly pid: number }
  /**
   * It has ended with a signal to the whole application. Its end is told when the host has drained and asks for it,
   * after 90 s at the latest.
   */
  | { readonly type: 'program.held'; readonly pid: number }
  /** With `lines` only; longer ones in pieces of 65,536 UTF-16 code units. The last ones may come after its exit. */
  | { readonly type: 'program.line'; readonly pid: number; readonly stream: OutputStream; readonly line: string }

export type ProgramSnapshot = Snapshot<ExitStatus> & {
  /** `running` once it is ready, which is when a supervised program counts as ready. */
  readonly phase: 'starting' | 'running' | 'stopping'
  /** These two are undefined until it runs. */
  readonly pid: number | undefined
  readonly spawnId: string | undefined
  readonly input: ProgramInput | undefined
  /** By this a supervisor knows that the program can be asked to end. */
  can(event: EventObject): boolean
}

export type ProgramLogic = ActorLogic<
  ProgramSnapshot,
  EventObject,
  ProgramInput | undefined,
  ActorSystem<ActorSystemInfo>,
  ProgramEvent
>

/** What XState and supervisors send. */
type Order = { readonly type: 'supervisor.shutdown' } | { readonly type: 'xstate.stop' }

/**
 * Any external program as XState actor logic: one run of it, from its reservation to the proof of its death. Invoke it,
 * spawn it, or make it the child of a supervisor.
 *
 * Its output is the {@link ExitStatus} when it has ended with status 0 after it was ready, or after it was asked to end
 * with `{ type: 'supervisor.shutdown' }`. Otherwise it fails: CONFIGURATION (the program can never start), START_FAILED
 * (the system refuses now; it ended, or its time was up, before it was ready), WORKER_CRASHED (it ended later), STOPPED
 * (the runtime is closed); `details` has its `pid`, `code` and `signal`, and the end of its `stderr`. An actor that is
 * stopped by XState, since its state was left, ends the program in the same way, but nobody waits for that.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once.
 */
export function fromProgram(command: string, givenArgs: readonly string[], given: ProgramOptions): ProgramLogic {
  const [args, options] = ownProgram(givenArgs, given)
  checkProgram(command, args, options)
  /** The logic may be shared by many actors. */
  const runs = new WeakMap<AnyActorRef, ProgramRun>()
  const idle = { status: 'active', phase: 'starting', pid: undefined, spawnId: undefined }
  const can = ({ type }: EventObject): boolean => type === 'supervisor.shutdown'

  const logic: ProgramLogic & { [READY]: (snapshot: ProgramSnapshot) => boolean } = {
    [READY]: ({ phase }) => phase === 'running',
    config: { command, args, ...options },
    getInitialSnapshot: (_scope, givenInput) => {
      const input = ownInput(givenInput)
      checkProgram(command, args, options, input)
      return { ...idle, output: undefined, error: undefined, input, can } as ProgramSnapshot
    },
    getPersistedSnapshot: ({ status, output, error, input }) => ({ status, output, error, input }) as Snapshot<unknown>,
    /** The program is started afresh. */
    restoreSnapshot: (persisted) => ({ ...idle, ...persisted, can }) as ProgramSnapshot,
    start: ({ input }, { self }) => {
      const run = new ProgramRun({ ...options, command, ...input, args: input?.args ?? args }, self as AnyActorRef)
      runs.set(self as AnyActorRef, run)
      run.begin()
    },
    transition: (snapshot, event, { self, emit, defer }) => {
      const news = event as News | Order
      // After the transition, so that whoever is told sees it.
      const tell = (told: ProgramEvent): void => {
        defer(() => {
          emit(told)
        })
      }
      switch (news.type) {
        case 'program.start':
          tell(news)
          return { ...snapshot, pid: news.pid, spawnId: news.spawnId }
        case 'program.ready':
          tell(news)
          return { ...snapshot, phase: 'running' }
        case 'program.held':
          tell(news)
          return { ...snapshot, phase: 'stopping' }
        case 'program.line':
          tell(news)
          return snapshot
        case 'program.end':
          return { ...snapshot, status: 'done', output: news.status, error: undefined }
        case 'program.failed':
          return { ...snapshot, status: 'error', output: undefined, error: news.error }
        case 'supervisor.shutdown':
          runs.get(self as AnyActorRef)?.end()
          return { ...snapshot, phase: 'stopping' }
        case 'xstate.stop':
          runs.get(self as AnyActorRef)?.end()
          return { ...snapshot, status: 'stopped', output: undefined, error: undefined }
        default:
          return snapshot
      }
    },
  }
  return logic
}
