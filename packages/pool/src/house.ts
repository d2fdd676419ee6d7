import { openRuntime, type Identity, type AnyLogger, type Runtime } from '@terrarium/process'
import { createSupervisor, type ChildSpec, type Supervisor } from '@terrarium/supervisor'
import type { SupervisorClock } from '@terrarium/supervisor/base'
import {
  createWorkerLogic,
  resolveInterpreter,
  SessionServer,
  type ValueCodec,
  type WorkerInput,
  type WorkerOutput,
  type WorkerSnapshot,
} from '@terrarium/worker'
import { toolEntries, type PoolOptions } from './options.ts'
import type { Slot } from './slot.ts'

const GRACE_MS = 2_000
/** What is held by the kernel is given up after 2,000 ms. */
const SHUTDOWN_MARGIN_MS = 3_000

/** What a started pool stands on: the run's processes, the socket they dial, and the supervisor of the workers. */
export interface House {
  readonly runtime: Runtime
  readonly supervisor: Supervisor
  /** Whether it keeps the host process alive. The timers are the clock's affair. */
  setReferenced(isReferenced: boolean): void
  /** Ends every worker and waits for proof. */
  close(): Promise<{ readonly left: readonly Identity[] }>
}

/** Rejects with CONFIGURATION for an interpreter that does not run. The supervisor is not started yet. */
export async function openHouse(
  options: PoolOptions,
  slots: readonly Slot[],
  codec: ValueCodec,
  clock: SupervisorClock,
  logger: AnyLogger,
  output: (output: WorkerOutput) => void,
): Promise<House> {
  const interpreter = await resolveInterpreter(options.python)
  logger.debug(interpreter, 'the interpreter of the workers')
  const runtime = await openRuntime({
    python: interpreter.path,
    logger,
    stateDir: options.stateDir,
    containment: options.containment,
  })
  try {
    const ensureDirectory = (): void => {
      runtime.ensureDirectory()
    }
    const server = await SessionServer.listen(runtime.directory, { codec, ensureDirectory, clock, logger })
    const logic = createWorkerLogic({ runtime, server, logger, clock, output })
    const tools = toolEntries(options.tools)
    const { startTimeout, grace = GRACE_MS, heartbeat, env, cwd } = options
    const supervisor = createSupervisor({
      id: options.name,
      strategy: 'one_for_one',
      clock,
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
      ...(options.breaker === undefined ? {} : { breaker: options.breaker }),
      ...(options.inspect === undefined ? {} : { inspect: options.inspect }),
      onFault: (what, err) => {
        logger.error({ err }, what)
      },
      children: slots.map((slot): ChildSpec => ({
        id: slot.id,
        logic,
        input: {
          name: `${options.name}/${slot.id}`,
          python: interpreter.path,
          tools,
          env,
          cwd,
          startTimeout,
          grace,
          heartbeat,
        } satisfies WorkerInput,
        // A worker keeps to its grace by itself; this limit is for a worker that does not.
        shutdown: grace + SHUTDOWN_MARGIN_MS,
        ready: (snapshot) => (snapshot as WorkerSnapshot).matches('active'),
        awaitReady: false,
      })),
    })
    const close = async (): Promise<{ left: readonly Identity[] }> => {
      await supervisor.stop()
      server.close()
      return runtime.close()
    }
    const setReferenced = (isReferenced: boolean): void => {
      for (const each of [runtime, server]) {
        if (isReferenced) each.ref()
        else each.unref()
      }
    }
    return { runtime, supervisor, setReferenced, close }
  } catch (error) {
    await runtime.close()
    throw error
  }
}
