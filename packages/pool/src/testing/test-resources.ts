// What the workers of a pool without Python stand on: instead of processes and a socket, workers in this process. The
// life machine, the session and everything above them are the same code as in a real pool.
import { randomBytes } from 'node:crypto'
import { TerrariumError, type SupervisorClock } from '@terrarium/supervisor/base'
import type { OsProcess, SpawnRequest } from '@terrarium/process'
import { createWorkerLogic, type Session } from '@terrarium/worker'
import type { OpenResources } from '../resources.ts'
import type { KnownTool } from './tool.ts'
import { TestWorker } from './test-worker.ts'
import { WorkerFaults } from './worker-faults.ts'

/** What the worker is that boots. */
export interface BootContext {
  readonly worker: string
  /** 1 for the first worker of the slot. */
  readonly incarnation: number
  /** Resolves after `ms` ms of the pool's clock. */
  readonly sleep: (ms: number) => Promise<void>
}

export interface TestResources {
  readonly open: OpenResources
  readonly faults: WorkerFaults
  /** The workers that have not exited. */
  readonly living: () => readonly TestWorker[]
}

export function testResources(
  tools: ReadonlyMap<string, KnownTool>,
  boot: (context: BootContext) => unknown = () => undefined,
): TestResources {
  const faults = new WorkerFaults()
  const workers = new Set<TestWorker>()
  const open: OpenResources = ({ options, codec, clock, logger, output }) => {
    const expected = new Map<string, (session: Session) => void>()
    const server = {
      path: 'none',
      ensure: () => Promise.resolve(),
      expect: (accept: (session: Session) => void) => {
        const token = randomBytes(16).toString('hex')
        expected.set(token, accept)
        return { token, forget: () => void expected.delete(token) }
      },
    }
    const connect = (token: string, session: Session): boolean => {
      const accept = expected.get(token)
      expected.delete(token)
      accept?.(session)
      return accept !== undefined
    }
    const starts = new Map<string, number>()
    let isClosed = false
    const spawn = (request: SpawnRequest): Promise<OsProcess> => {
      if (isClosed || request.signal?.aborted === true)
        return Promise.reject(new TerrariumError('STOPPED', `${request.name} is not started any more`))
      const id = request.name.slice(options.name.length + 1)
      const incarnation = (starts.get(id) ?? 0) + 1
      starts.set(id, incarnation)
      const begin = (worker: TestWorker): unknown => {
        faults.mustStart(worker)
        return boot({ worker: id, incarnation, sleep: (ms) => sleepOn(clock, ms) })
      }
      const worker = new TestWorker(request, { tools, codec, clock, boot: begin, connect, id, incarnation })
      workers.add(worker)
      void worker.process.exited.then(() => workers.delete(worker))
      request.onReserved?.(worker.process.spawnId)
      faults.started(worker)
      queueMicrotask(() => void worker.start())
      return Promise.resolve(worker.process)
    }
    const worker = createWorkerLogic({ runtime: { spawn }, server, logger, clock, output })
    return Promise.resolve({
      python: 'none',
      worker,
      setReferenced: () => undefined,
      close: () => {
        isClosed = true
        for (const each of workers) each.exit({ signal: 'SIGKILL' })
        return Promise.resolve({ left: [] })
      },
    })
  }
  return { open, faults, living: () => [...workers].filter(({ isAlive }) => isAlive) }
}

const sleepOn = (clock: SupervisorClock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimeout(resolve, ms)
  })
