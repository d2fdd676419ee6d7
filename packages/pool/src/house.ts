import { openRuntime, type Identity, type Log, type Runtime } from '@terrarium/process'
import { createSupervisor, type ChildSpec, type Supervisor, type SupervisorClock } from '@terrarium/supervisor'
import {
  createWorkerLogic,
  resolveInterpreter,
  SessionServer,
  type WorkerInput,
  type WorkerSnapshot,
} from '@terrarium/worker'
import { toolEntries, type PoolOptions } from './options.ts'
import type { Slot } from './slot.ts'

/** What a started pool stands on: the run's processes, the socket they dial, and the supervisor of the workers. */
export interface House {
  readonly runtime: Runtime
  readonly supervisor: Supervisor
  /** Ends every worker and waits for proof. */
  close(): Promise<{ readonly left: readonly Identity[] }>
}

/** Rejects with CONFIGURATION for an interpreter that does not run. The supervisor is not started yet. */
export async function openHouse(
  options: PoolOptions,
  slots: readonly Slot[],
  clock: SupervisorClock,
  logger: Log,
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
    const server = await SessionServer.listen(runtime.directory, { clock, logger })
    const logic = createWorkerLogic({ runtime, server, logger, clock })
    const tools = toolEntries(options.tools)
    const { startTimeout, heartbeat, env, cwd } = options
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
          heartbeat,
        } satisfies WorkerInput,
        ready: (snapshot) => (snapshot as WorkerSnapshot).matches('active'),
        awaitReady: false,
      })),
    })
    const close = async (): Promise<{ left: readonly Identity[] }> => {
      await supervisor.stop()
      server.close()
      return runtime.close()
    }
    return { runtime, supervisor, close }
  } catch (error) {
    await runtime.close()
    throw error
  }
}
