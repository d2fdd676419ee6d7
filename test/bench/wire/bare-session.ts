// The contender that shows what a pool adds: the session of a worker, without a pool.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { guardLogger, openRuntime } from '@terrarium/process'
import { createSupervisor } from '@terrarium/supervisor'
import { systemClock } from '@terrarium/supervisor/base'
import { createWorkerLogic, encode, SessionServer, type WorkerRef } from '@terrarium/worker'
import { uniqueName, type OpenContender, type Opening } from './open-contender.ts'

const TOOLS = fileURLToPath(new URL('../../../bench/wire/echo_tools.py', import.meta.url))

/** A worker's session without a pool: what encodes, sends, receives and decodes. */
export async function openSession({ python, directory }: Opening): Promise<OpenContender> {
  const logger = guardLogger(undefined, { app: 'bench' })
  const runtime = await openRuntime({ python, stateDir: join(directory, 'state'), logger })
  const server = await SessionServer.listen(runtime.directory)
  const logic = createWorkerLogic({ runtime, server, logger, clock: systemClock })
  const input = { name: uniqueName('session'), python, tools: [TOOLS] }
  const ready = (snapshot: unknown): boolean => (snapshot as ReturnType<WorkerRef['getSnapshot']>).matches('active')
  const supervisor = createSupervisor({ id: 'bench', children: [{ id: 'worker', logic, input, ready }] })
  await supervisor.start()
  const [child] = supervisor.children
  const { session } = (child?.ref as WorkerRef).getSnapshot().context
  if (session === undefined) throw new Error('the worker has no session')
  return {
    name: 'bare session',
    echo: (data: unknown) =>
      new Promise((resolve, reject) => {
        session.call('echo', { bytes: encode({ data }), segments: [] }, 0, {
          settled: (outcome) => {
            if ('value' in outcome) resolve(outcome.value)
            else reject(outcome.error)
          },
        })
      }),
    close: async () => {
      await supervisor.stop()
      server.close()
      await runtime.close()
    },
  }
}
