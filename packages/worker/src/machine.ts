import { exitWith, type ExitReason, type TerrariumError } from '@terrarium/supervisor/base'
import { assign, fromCallback, sendTo, setup, type ActorRefFrom, type SnapshotFrom } from 'xstate'
import {
  driver,
  workerFiles,
  type DriverEvent,
  type DriverLogic,
  type WorkerInput,
  type WorkerSurroundings,
} from './driver.ts'
import type { Session, ToolInfo } from './session.ts'

export interface WorkerContext {
  readonly input: WorkerInput
  readonly spawnId: string | undefined
  readonly pid: number | undefined
  readonly session: Session | undefined
  readonly tools: readonly ToolInfo[]
  /** Why it ends; the first reason wins. */
  readonly reason: ExitReason | undefined
}

export type WorkerEvent =
  | DriverEvent
  /** From the supervisor: end in order, within its deadline. */
  | { readonly type: 'supervisor.shutdown' }
  /** From the pool or the driver: this worker has to go now, for this reason. */
  | { readonly type: 'worker.kill'; readonly error: TerrariumError }

/** A process whose session closed is about to say why by its exit; after this long it is asked, in ms. */
const LAST_WORDS = 250

/** The machine is the same for all; its driver depends on where it runs, see {@link createWorkerLogic}. */
const unplaced: DriverLogic = fromCallback(() => undefined)

/**
 * One Python worker:
 *
 * ```
 * reserved ──► spawning ──► awaitingReady ──► active ──► terminating ──► terminated
 *    └─────────────┴──────────────┴─── failure, stop ───────┘
 * ```
 *
 * It ends by itself with an {@link ExitReason} as output: `shutdown` when it was asked to, an `error` otherwise, with a
 * code of CONFIGURATION, START_FAILED or WORKER_CRASHED.
 */
const workerMachine = setup({
  types: {
    context: {} as WorkerContext,
    events: {} as WorkerEvent,
    input: {} as WorkerInput,
  },
  actors: { driver: unplaced },
  actions: {
    terminate: sendTo('driver', ({ context }) => ({ type: 'terminate' as const, grace: context.input.grace ?? 2_000 })),
    kill: sendTo('driver', { type: 'kill' as const }),
  },
  delays: { lastWords: LAST_WORDS },
}).createMachine({
  id: 'worker',
  context: ({ input }) => ({
    input,
    spawnId: undefined,
    pid: undefined,
    session: undefined,
    tools: [],
    reason: undefined,
  }),
  invoke: { id: 'driver', src: 'driver', input: ({ context }) => context.input },
  initial: 'reserved',
  on: {
    'supervisor.shutdown': {
      target: '.terminating.orderly',
      actions: assign({ reason: ({ context }) => context.reason ?? { type: 'shutdown' } }),
    },
    'worker.kill': {
      target: '.terminating.forced',
      actions: assign({ reason: ({ context, event }) => context.reason ?? { type: 'error', error: event.error } }),
    },
    'worker.exited': {
      target: '.terminating.dead',
      actions: assign({ reason: ({ context, event }) => context.reason ?? { type: 'error', error: event.error } }),
    },
  },
  states: {
    /** It waits for its turn to start, and then for its reservation. */
    reserved: {
      on: {
        'worker.reserved': { target: 'spawning', actions: assign({ spawnId: ({ event }) => event.spawnId }) },
      },
    },
    spawning: {
      on: {
        'worker.spawned': { target: 'awaitingReady', actions: assign({ pid: ({ event }) => event.pid }) },
      },
    },
    awaitingReady: {
      on: {
        'worker.ready': {
          target: 'active',
          actions: assign({ session: ({ event }) => event.session, tools: ({ event }) => event.tools }),
        },
        'worker.sessionLost': 'terminating.silent',
        'worker.late': {
          target: 'terminating.forced',
          actions: assign({ reason: ({ event }) => ({ type: 'error', error: event.error }) }),
        },
      },
    },
    active: {
      on: { 'worker.sessionLost': 'terminating.silent' },
    },
    terminating: {
      initial: 'orderly',
      on: {
        'supervisor.shutdown': { actions: 'terminate' },
      },
      states: {
        /** Asked to end: the order, the grace, then SIGKILL. */
        orderly: { entry: 'terminate' },
        /** SIGKILL. */
        forced: { entry: 'kill' },
        /** Its session is gone: it is dying or mute. */
        silent: { after: { lastWords: 'forced' } },
        /** The process is gone. */
        dead: { always: '#worker.terminated' },
      },
    },
    terminated: { type: 'final' },
  },
  output: ({ context }) => exitWith(context.reason ?? { type: 'normal' }),
})

export type WorkerLogic = typeof workerMachine
export type WorkerRef = ActorRefFrom<WorkerLogic>
export type WorkerSnapshot = SnapshotFrom<WorkerLogic>

/** The logic of the workers of one runtime. Throws CONFIGURATION where the Python files of this package are missing. */
export function createWorkerLogic(surroundings: WorkerSurroundings): WorkerLogic {
  workerFiles()
  return workerMachine.provide({ actors: { driver: driver(surroundings) } })
}
