// The spawns of a run: each is reserved on disk before its process exists, and its reservation is removed when the
// death of the process is proven.
import { createHash, randomBytes } from 'node:crypto'
import { uptime } from 'node:os'
import type { AnyLogger } from './guarded-logger.ts'
import { askUser, TerrariumError } from '@terrarium/supervisor/base'
import { formatSpawnTag, HOST_VARIABLE, SPAWN_ARGUMENTS, SPAWN_TAG_VARIABLE, type Identity } from './table/identity.ts'
import { StartedInVain, type LaunchRequest, type Started } from './shepherd/launch.ts'
import type { ReservationLog } from './log/log.ts'
import type { Cleared, OsProcess, SpawnRequest } from './life/os-process.ts'
import type { Reservation } from './log/record.ts'
import type { Owner } from './run.ts'
import { stateError } from './state-directory.ts'

interface Entry {
  reservation: Reservation
  process?: OsProcess
  /** See {@link OsProcess.cleared}; undefined until the process is there. */
  cleared?: Promise<unknown>
  readonly release: () => void
}

/**
 * System uptime when performance.now() was 0, in ms. Cached: os.uptime() per spawn is slower than writing the record.
 */
const BOOTED_MS = uptime() * 1000 - performance.now()

interface Dependencies {
  readonly stateDir: string
  readonly owner: Owner
  readonly log: ReservationLog
  readonly logger: AnyLogger
  /** Called when a process is cleared. `orphaned`: something of it may be left. */
  readonly cleared: (spawn: string, orphaned: boolean) => void
}

/** The spawns of a run that may have a living process. */
export class Spawns {
  readonly #dependencies: Dependencies
  readonly #entries = new Map<string, Entry>()
  #counter = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Whether the spawn is known and not released. */
  has(spawn: string): boolean {
    return this.#entries.has(spawn)
  }

  /** The spawns that have not been released. */
  ids(): string[] {
    return [...this.#entries.keys()]
  }

  /** The processes that have not exited. */
  processes(): OsProcess[] {
    return [...this.#entries.values()].flatMap(({ process }) =>
      process === undefined || process.hasExited ? [] : process,
    )
  }

  /**
   * Resolves when all present spawns for which `counts` holds are cleared. Spawns that come later are not waited for.
   */
  async whenCleared(counts: (spawn: string) => boolean): Promise<void> {
    const counted = [...this.#entries].filter(([spawn]) => counts(spawn))
    await Promise.all(counted.flatMap(([, { cleared }]) => (cleared === undefined ? [] : [cleared])))
  }

  /**
   * Reserves a spawn, then has its process started. Errors: INVALID_ARGUMENT, CONFIGURATION (state directory), and
   * those of `start`.
   */
  async begin<S extends Started>(request: SpawnRequest, start: (complete: LaunchRequest) => Promise<S>): Promise<S> {
    const { owner, log, stateDir } = this.#dependencies
    const spawn = `${++this.#counter}-${randomBytes(8).toString('hex')}`
    const args = placeSpawnArguments(request.args, owner.run, spawn)
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const reservation: Reservation = {
      spawn,
      name: request.name,
      state: 'reserved',
      exe: request.command,
      argvHash: createHash('sha256').update(args.join('\0')).digest('hex').slice(0, 16),
      wall: Date.now(),
      mono: Math.round(BOOTED_MS + performance.now()),
    }
    const entry: Entry = { reservation, release }
    this.#entries.set(spawn, entry)
    try {
      await log.reserve(entry.reservation)
    } catch (error) {
      this.#entries.delete(spawn)
      throw stateError(stateDir, error)
    }
    try {
      askUser(() => request.onReserved?.(spawn))
      const started = await start({ ...this.#complete(request, entry, released), args })
      entry.process = started.process
      const { pid, startTicks } = started.process.identity
      const known = { state: 'spawned', pid, startTicks, ...started.keeper } as const
      void this.#note(entry, known, (reserved) => log.note(reserved))
      this.#awaitCleared(entry, started.process.cleared)
      return started
    } catch (error) {
      if (error instanceof StartedInVain) {
        this.#awaitCleared(entry, error.cleared)
        throw error.error
      }
      await this.release(spawn)
      throw error
    }
  }

  #complete(request: SpawnRequest, entry: Entry, released: Promise<void>): LaunchRequest {
    const { bootId, installation, run } = this.#dependencies.owner
    const { spawn } = entry.reservation
    return {
      spawn,
      command: request.command,
      args: request.args,
      cwd: request.cwd || undefined,
      obeys: request.obeys,
      env: {
        ...request.env,
        [SPAWN_TAG_VARIABLE]: formatSpawnTag({ installation, run, spawn }),
        [HOST_VARIABLE]: String(process.pid),
      },
      registration: {
        identify: (pid, startTicks) => ({ pid, startTicks, bootId, installation, run, spawn }),
        released,
        note: (state) => {
          if (state === 'unkillable') this.#watchUnkillable(entry)
          return this.#note(entry, { state })
        },
      },
    }
  }

  #watchUnkillable({ process, reservation: { name } }: Entry): void {
    const { logger } = this.#dependencies
    const facts = { identity: process?.identity, name }
    logger.error(facts, 'unkillable: SIGKILL is pending in the kernel')
    void process?.reaped.then(() => {
      logger.warn(facts, 'no longer unkillable: it is gone')
    })
  }

  #awaitCleared(entry: Entry, cleared: Promise<Cleared>): void {
    entry.cleared = cleared
    void cleared.then(({ orphaned }) => {
      this.#dependencies.cleared(entry.reservation.spawn, orphaned)
    })
  }

  /** Removes the reservation: call it when the death of the process is proven. Never rejects. */
  async release(spawn: string): Promise<void> {
    const entry = this.#entries.get(spawn)
    this.#entries.delete(spawn)
    try {
      await this.#dependencies.log.release(spawn)
    } catch (error) {
      this.#dependencies.logger.error({ err: error, spawn }, 'a released reservation stays in the log')
    }
    entry?.release()
  }

  /** The processes that have not exited 2 s after SIGKILL. */
  unkillable(): Identity[] {
    return [...this.#entries.values()].flatMap(({ process, reservation }) =>
      process !== undefined && reservation.state === 'unkillable' && !process.hasExited ? [process.identity] : [],
    )
  }

  /** Resolves when the log has it. Never rejects: the spawn tag finds a process, whatever the log says of it. */
  async #note(
    entry: Entry,
    news: Partial<Reservation>,
    write = (known: Reservation) => this.#dependencies.log.update(known),
  ): Promise<void> {
    entry.reservation = { ...entry.reservation, ...news }
    const { spawn, state } = entry.reservation
    try {
      if (this.#entries.has(spawn)) await write(entry.reservation)
    } catch (error) {
      this.#dependencies.logger.warn({ err: error, spawn, state }, 'the log does not know what has become of a process')
    }
  }
}

function placeSpawnArguments(args: readonly string[], run: string, spawn: string): string[] {
  const at = args.indexOf(SPAWN_ARGUMENTS)
  if (at === -1) return [...args]
  if (args.includes(SPAWN_ARGUMENTS, at + 1))
    throw new TerrariumError('INVALID_ARGUMENT', `${SPAWN_ARGUMENTS} is given more than once`)
  return [...args.slice(0, at), '--terrarium-run', run, '--terrarium-spawn', spawn, ...args.slice(at + 1)]
}
