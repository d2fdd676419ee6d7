// One Python worker as XState actor logic: the life machine of `@terrarium/process` with a session as its port.
import { lifeMachine, type LifeContext, type LifeEvent, type LifeLogic } from '@terrarium/process'
import type { ActorRefFrom, SnapshotFrom } from 'xstate'
import type { ToolInfo } from './frame.ts'
import { logOutput, OutputRelay } from './output.ts'
import { SessionPort, type WorkerInput, type WorkerDependencies } from './session-port.ts'
import { workerFiles } from './worker-files.ts'
import type { Session } from './session.ts'

export interface WorkerContext extends LifeContext<WorkerInput> {
  /** Undefined until the worker is ready. */
  readonly session: Session | undefined
  readonly tools: readonly ToolInfo[]
}

export type WorkerEvent = LifeEvent

/**
 * One Python worker:
 *
 * ```
 * reserved ──► spawning ──► awaitingReady ──► active ──► terminating ──► terminated
 *    └─────────────┴──────────────┴─── failure, stop ───────┘
 * ```
 *
 * It ends by itself with an `ExitReason` as output: `shutdown` when it was asked to, an `error` otherwise, with a code
 * of CONFIGURATION, START_FAILED or WORKER_CRASHED.
 */
export type WorkerLogic = LifeLogic<WorkerInput, WorkerContext>
export type WorkerRef = ActorRefFrom<WorkerLogic>
export type WorkerSnapshot = SnapshotFrom<WorkerLogic>

/**
 * The logic of the workers of one runtime, see {@link WorkerLogic}. Throws CONFIGURATION where the Python files of this
 * package are missing.
 */
export function createWorkerLogic(dependencies: WorkerDependencies): WorkerLogic {
  workerFiles()
  const relay = new OutputRelay(dependencies.output ?? logOutput(dependencies.logger))
  return lifeMachine<WorkerInput, WorkerContext>(
    'worker',
    (input, life) => new SessionPort(input, dependencies, relay, life),
    { session: undefined, tools: [] },
  )
}
