// What the workers of a pool stand on: an interpreter, a run that holds their processes, and the socket they dial.
import { openRuntime, type Identity, type AnyLogger, type Runtime } from '@terrarium/process'
import { supervisor, type ChildSpec, type SupervisorLogic } from '@terrarium/supervisor'
import type { SupervisorClock } from '@terrarium/supervisor/base'
import {
  createWorkerLogic,
  resolveInterpreter,
  SessionServer,
  type ValueCodec,
  type WorkerInput,
  type WorkerLogic,
  type WorkerOutput,
  type WorkerSnapshot,
} from '@terrarium/worker'
import { DEFAULTS, type PoolOptions } from './options.ts'
import { toolEntries } from './tool-entries.ts'

/** The runtime gives up a process that the kernel holds after 2,000 ms. */
const SHUTDOWN_MARGIN_MS = 3_000

export interface ResourceDependencies {
  readonly options: PoolOptions
  readonly codec: ValueCodec
  readonly clock: SupervisorClock
  readonly logger: AnyLogger
  /** Takes what the tools print. */
  readonly output: (output: WorkerOutput) => void
  /** Opens them, see {@link openResources}. A pool in a test may stand on something else. */
  readonly open: OpenResources
}

export type OpenResources = (dependencies: Omit<ResourceDependencies, 'open'>) => Promise<Resources>

/** What the workers of a pool stand on. */
export interface Ground {
  /** The interpreter's path, and its version. */
  readonly python: string
  readonly version: string
  /** The run that holds their processes. */
  readonly runtime: Runtime
}

export interface Resources {
  /** The interpreter's path. */
  readonly python: string
  /** The version of the interpreter; undefined in a test without one. */
  readonly version?: string
  readonly worker: WorkerLogic
  /** The run that holds their processes; undefined in a test without processes. */
  readonly runtime?: Runtime
  /** Whether they keep the host process alive. Timers are not among them. */
  setReferenced(isReferenced: boolean): void
  /** Kills the processes that are left and waits for proof. */
  close(): Promise<{ readonly left: readonly Identity[] }>
}

/** Rejects with CONFIGURATION for an interpreter that does not run. */
export const openResources: OpenResources = async (dependencies) => {
  const { options, codec, clock, logger, output } = dependencies
  const interpreter = await resolveInterpreter(options.python)
  logger.debug(interpreter, 'the interpreter of the workers')
  const runtime = await openRuntime({
    python: interpreter.path,
    logger,
    stateDir: options.stateDir,
    containment: options.containment,
  })
  let server: SessionServer | undefined
  try {
    const ensureDirectory = (): void => {
      runtime.ensureDirectory()
    }
    const listening = await SessionServer.listen(runtime.directory, { codec, ensureDirectory, clock, logger })
    server = listening
    const worker = createWorkerLogic({ runtime, server: listening, logger, clock, output })
    return {
      python: interpreter.path,
      version: interpreter.version,
      worker,
      runtime,
      setReferenced(isReferenced) {
        for (const each of [runtime, listening]) {
          if (isReferenced) each.ref()
          else each.unref()
        }
      },
      close() {
        listening.close()
        return runtime.close()
      },
    }
  } catch (error) {
    server?.close()
    await runtime.close()
    throw error
  }
}

/** The supervisor of the workers: one child for each slot, started one by one and restarted alone. */
export function workersOf(
  resources: Resources,
  dependencies: ResourceDependencies,
  slots: readonly string[],
): SupervisorLogic {
  const { options, clock, logger } = dependencies
  const { name, backoff, breaker } = options
  return supervisor({
    id: name,
    strategy: 'one_for_one',
    clock,
    ...(backoff === undefined ? {} : { backoff }),
    ...(breaker === undefined ? {} : { breaker }),
    onFault: (what, err) => {
      logger.error({ err }, what)
    },
    children: slots.map((id) => workerSpec(resources, dependencies, id)),
  })
}

/** The worker of one slot, for the supervisor. */
export function workerSpec({ python, worker }: Resources, { options }: ResourceDependencies, id: string): ChildSpec {
  const { name, startTimeout, grace = DEFAULTS.grace, heartbeat, env, cwd, transport = DEFAULTS.transport } = options
  const tools = toolEntries(options.tools)
  const input: WorkerInput = {
    name: `${name}/${id}`,
    python,
    tools,
    expose: options.expose,
    env,
    cwd,
    transport,
    startTimeout,
    grace,
    heartbeat,
  }
  return {
    id,
    logic: worker,
    input,
    // A worker keeps to its grace by itself; this limit is for a worker that does not.
    shutdown: grace + SHUTDOWN_MARGIN_MS,
    ready: (snapshot) => (snapshot as WorkerSnapshot).matches('active'),
    awaitReady: false,
  }
}
