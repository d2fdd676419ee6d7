// The stage of the wire suite about what a pool costs over its sessions: the processor time of a call in Node.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { guardLogger, openRuntime } from '@terrarium/process'
import { createSupervisor } from '@terrarium/supervisor'
import { systemClock } from '@terrarium/supervisor/base'
import { createWorkerLogic, encode, SessionServer, type WorkerRef } from '@terrarium/worker'
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import { uniqueName, type OpenContender } from './open-contender.ts'
import { openPool } from './pool-call.ts'
import type { Stage, StageContext } from './stage.ts'

const PAYLOAD = Buffer.alloc(100, 'a')
const TOOLS = fileURLToPath(new URL('../../../bench/wire/echo_tools.py', import.meta.url))

/** A worker's session without a pool: what encodes, sends, receives and decodes. */
async function openSession({ python, directory }: StageContext): Promise<OpenContender> {
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
        session.call('echo', { bytes: encode({ data }), segments: [] }, 0, (outcome) => {
          if ('value' in outcome) resolve(outcome.value)
          else reject(outcome.error)
        })
      }),
    close: async () => {
      await supervisor.stop()
      server.close()
      await runtime.close()
    },
  }
}

/** The processor time of this process for each call, in µs. */
async function cpuOf({ echo }: OpenContender, inFlight: number, duration: number): Promise<number> {
  let calls = 0
  const begun = process.cpuUsage()
  const end = performance.now() + duration
  const caller = async (): Promise<void> => {
    do {
      await echo(PAYLOAD as never)
      calls += 1
    } while (performance.now() < end)
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / calls
}

async function cpu(context: StageContext): Promise<Figure[]> {
  const { quick, signal, log } = context
  const session = await openSession(context)
  const pool = await openPool(context, { concurrency: 256 }).catch(async (error: unknown) => {
    await session.close()
    throw error
  })
  try {
    const figures: Figure[] = []
    for (const inFlight of [1, 64]) {
      log(`processor time of a call in Node, ${inFlight} in flight: bare session, pool.call`)
      const [ofSession, ofPool]: [number[], number[]] = [[], []]
      for (let round = -1; round < (quick ? 1 : 7); round++) {
        signal.throwIfAborted()
        const duration = quick ? 40 : 1_000
        const one = await cpuOf(session, inFlight, duration)
        const other = await cpuOf(pool, inFlight, duration)
        if (round < 0) continue
        ofSession.push(one)
        ofPool.push(other)
      }
      const [bare, whole] = [median(ofSession), median(ofPool)]
      const label = `processor time in Node at ${inFlight}`
      const against = { name: `pool.call, ${label}`, value: whole }
      figures.push(
        figure({ name: `bare session, ${label}`, value: bare, unit: 'µs a call' }),
        figure({ ...against, unit: 'µs a call' }),
        figure({
          name: `the pool's part, ${label}`,
          value: whole - bare,
          unit: 'µs a call',
          against,
          target: { atMost: 0.15 },
        }),
      )
    }
    return figures
  } finally {
    await pool.close()
    await session.close()
  }
}

export const cpuStage: Stage = { name: 'cpu', isPinned: false, run: cpu }
