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

interface Context {
  readonly stateDir: string
  readonly owner: Owner
  readonly log: ReservationLog
  readonly logger: AnyLogger
  /** The process has exited, and its launcher is done with what it left behind. `orphaned`: something may be left. */
  readonly dead: (spawn: string, orphaned: boolean) => void
}

/**
 * The spawns of a run that may have a living process. Each is on disk before its process exists, until its death is
 * proven.
 */
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
  processes(): OsProcess[] {
    return [...this.#entries.values()].flatMap(({ process }) =>
      process === undefined || process.hasExited ? [] : process,
    )
  }

  /**
   * Resolves when the spawns there are now, those that count, have left nothing behind, as far as their parent can
   * tell.
   */
  async whenCleared(counts: (spawn: string) => boolean): Promise<void> {
    const counted = [...this.#entries].filter(([spawn]) => counts(spawn))
    await Promise.all(counted.flatMap(([, { cleared }]) => (cleared === undefined ? [] : [cleared])))
  }

  /**
   * Reserves, then has the process started. Errors: INVALID_ARGUMENT, CONFIGURATION (state directory), and those of
   * `start`.
   */
  async begin<S extends Started>(request: SpawnRequest, start: (complete: LaunchRequest) => Promise<S>): Promise<S> {
    const { owner, log, stateDir } = this.#context
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
    const { bootId, installation, run } = this.#context.owner
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
    const { logger } = this.#context
    const facts = { identity: process?.identity, name }
    logger.error(facts, 'unkillable: SIGKILL is pending in the kernel')
    void process?.reaped.then(() => {
      logger.warn(facts, 'no longer unkillable: it is gone')
    })
  }

  #awaitCleared(entry: Entry, cleared: Promise<Cleared>): void {
    entry.cleared = cleared
    void cleared.then(({ orphaned }) => {
      this.#context.dead(entry.reservation.spawn, orphaned)
    })
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

  /** Those that SIGKILL has not ended. */
  unkillable(): Identity[] {
    return [...this.#entries.values()].flatMap(({ process, reservation }) =>
      process !== undefined && reservation.state === 'unkillable' && !process.hasExited ? [process.identity] : [],
    )
  }

  /** Resolves when the log has it. Never rejects: the marker finds a process, whatever the log knows of it. */
  async #note(
    entry: Entry,
    news: Partial<Reservation>,
    write = (known: Reservation) => this.#context.log.update(known),
  ): Promise<void> {
    entry.reservation = { ...entry.reservation, ...news }
    const { spawn, state } = entry.reservation
    try {
      if (this.#entries.has(spawn)) await write(entry.reservation)
    } catch (error) {
      this.#context.logger.warn({ err: error, spawn, state }, 'the log does not know what has become of a process')
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
