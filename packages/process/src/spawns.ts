import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { TerrariumError } from '@terrarium/supervisor'
import { formatMarker, HOST_VARIABLE, MARKER, MARKER_VARIABLE } from './identity.ts'
import type { Launched, LaunchRequest } from './launch.ts'
import type { Reservation, ReservationLog } from './log.ts'
import { ManagedProcess, type SpawnRequest } from './os-process.ts'
import type { Owner } from './run.ts'
import { stateError } from './state.ts'

interface Entry {
  reservation: Reservation
  process?: ManagedProcess
  readonly release: () => void
}

/** A process that has begun, with what whoever has launched it knows of it. */
export interface Begun<L extends Launched> {
  readonly process: ManagedProcess
  readonly launched: L
}

interface Context {
  readonly stateDir: string
  readonly owner: Owner
  readonly log: ReservationLog
  readonly logger: Logger
  /** The process of this spawn is gone; what it has left behind may not be. */
  readonly dead: (spawn: string) => void
}

/** The spawns of a run that may have a living process: each is on disk before there is one, until its death is proven. */
export class Spawns {
  readonly #context: Context
  readonly #entries = new Map<string, Entry>()
  #counter = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** Whether there is such a spawn that has not been released. */
  has(spawn: string): boolean {
    return this.#entries.has(spawn)
  }

  /** Those that have not been released. */
  ids(): string[] {
    return [...this.#entries.keys()]
  }

  /** The processes that run. */
  processes(): ManagedProcess[] {
    return [...this.#entries.values()].flatMap(({ process }) =>
      process === undefined || process.hasEnded ? [] : process,
    )
  }

  /** Reserves, then has the process started. Errors: INVALID_ARGUMENT, and whatever `start` rejects with. */
  async begin<L extends Launched>(
    request: SpawnRequest,
    start: (complete: LaunchRequest) => Promise<L>,
  ): Promise<Begun<L>> {
    const { owner, log, logger, stateDir } = this.#context
    const { installation, run } = owner
    const spawn = `${++this.#counter}-${randomBytes(8).toString('hex')}`
    const args = placeMarker(request.args, run, spawn)
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const entry: Entry = { reservation: { spawn, name: request.name, state: 'reserved', at: Date.now() }, release }
    this.#entries.set(spawn, entry)
    try {
      await log.reserve(entry.reservation).catch((error: unknown) => {
        throw stateError(stateDir, error)
      })
      request.onReserved?.(spawn)
      const launched = await start({
        spawn,
        command: request.command,
        args,
        cwd: request.cwd,
        env: {
          ...process.env,
          ...request.env,
          [MARKER_VARIABLE]: formatMarker({ installation, run, spawn }),
          [HOST_VARIABLE]: String(process.pid),
        },
      })
      const { pid, startTicks } = launched
      entry.reservation = { ...entry.reservation, pid, startTicks }
      const identity = { pid, startTicks, bootId: owner.bootId, installation, run, spawn }
      const managed = new ManagedProcess(launched, identity, released, {
        logger,
        activate: () => this.#note(entry, 'active'),
        unkillable: () => {
          logger.error({ identity, name: request.name }, 'unkillable: SIGKILL is pending in the kernel')
          void this.#note(entry, 'unkillable')
        },
      })
      entry.process = managed
      void managed.exited.then(() => {
        this.#context.dead(spawn)
      })
      return { process: managed, launched }
    } catch (error) {
      await this.release(spawn)
      throw error
    }
  }

  /** Its death is proven. Never rejects. */
  async release(spawn: string): Promise<void> {
    const entry = this.#entries.get(spawn)
    this.#entries.delete(spawn)
    try {
      await this.#context.log.release(spawn)
    } catch (error) {
      this.#context.logger.error({ err: error, spawn }, 'a released reservation stays in the log')
    }
    entry?.release()
  }

  async #note(entry: Entry, state: Reservation['state']): Promise<void> {
    entry.reservation = { ...entry.reservation, state }
    await this.#context.log.update(entry.reservation)
  }
}

function placeMarker(args: readonly string[], run: string, spawn: string): string[] {
  const at = args.indexOf(MARKER)
  if (at === -1) return [...args]
  if (args.includes(MARKER, at + 1)) throw new TerrariumError('INVALID_ARGUMENT', `${MARKER} is given more than once`)
  return [...args.slice(0, at), '--terrarium-run', run, '--terrarium-spawn', spawn, ...args.slice(at + 1)]
}
