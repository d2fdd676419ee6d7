import { createHash, randomBytes } from 'node:crypto'
import { uptime } from 'node:os'
import type { AnyLogger } from './guarded-logger.ts'
import { askUser, TerrariumError } from '@terrarium/supervisor/base'
import { formatSpawnTag, HOST_VARIABLE, SPAWN_ARGUMENTS, SPAWN_TAG_VARIABLE, type Identity } from './table/identity.ts'
import { StartedInVain, type Launched, type LaunchRequest } from './shepherd/launch.ts'
import type { ReservationLog } from './log/log.ts'
import { ManagedProcess, type SpawnRequest } from './os-process.ts'
import type { Reservation } from './log/record.ts'
import type { Owner } from './run.ts'
import { stateError } from './state-directory.ts'

interface Entry {
  reservation: Reservation
  process?: ManagedProcess
  /** See {@link Launched.cleared}; undefined as long as it is not launched. */
  cleared?: Promise<unknown>
  readonly release: () => void
}

/**
 * System uptime when performance.now() was 0, in ms. Cached: os.uptime() per spawn is slower than writing the record.
 */
const BOOTED_MS = uptime() * 1000 - performance.now()

/** A started process and its launcher's handle on it. */
export interface Begun<L extends Launched> {
  readonly process: ManagedProcess
  readonly launched: L
}

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
  processes(): ManagedProcess[] {
    return [...this.#entries.values()].flatMap(({ process }) =>
      process === undefined || process.hasEnded ? [] : process,
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
  async begin<L extends Launched>(
    request: SpawnRequest,
    start: (complete: LaunchRequest) => Promise<L>,
  ): Promise<Begun<L>> {
    const { owner, log, logger, stateDir } = this.#context
    const { installation, run } = owner
    const spawn = `${++this.#counter}-${randomBytes(8).toString('hex')}`
    const args = placeSpawnArguments(request.args, run, spawn)
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const { name, command } = request
    const reservation: Reservation = {
      spawn,
      name,
      state: 'reserved',
      exe: command,
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
      const launched = await start({
        spawn,
        command: request.command,
        args,
        cwd: request.cwd || undefined,
        obeys: request.obeys,
        env: {
          ...request.env,
          [SPAWN_TAG_VARIABLE]: formatSpawnTag({ installation, run, spawn }),
          [HOST_VARIABLE]: String(process.pid),
        },
      })
      const { pid, startTicks, keeper } = launched
      void this.#note(entry, { state: 'spawned', pid, startTicks, ...keeper }, (known) => log.note(known))
      const identity = { pid, startTicks, bootId: owner.bootId, installation, run, spawn }
      const managed = new ManagedProcess(launched, identity, released, {
        is: (state) => {
          if (state === 'unkillable') logger.error({ identity, name }, 'unkillable: SIGKILL is pending in the kernel')
          return this.#note(entry, { state })
        },
      })
      entry.process = managed
      entry.cleared = launched.cleared
      void launched.ended.then(() => {
        if (entry.reservation.state === 'unkillable')
          logger.warn({ identity, name }, 'no longer unkillable: it is gone')
      })
      void launched.cleared.then(({ orphaned }) => {
        this.#context.dead(spawn, orphaned)
      })
      return { process: managed, launched }
    } catch (error) {
      if (error instanceof StartedInVain) {
        entry.cleared = error.cleared
        void error.cleared.then(({ orphaned }) => {
          this.#context.dead(spawn, orphaned)
        })
        throw error.error
      }
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

  /** Those that SIGKILL has not ended. */
  unkillable(): Identity[] {
    return [...this.#entries.values()].flatMap(({ process, reservation }) =>
      process !== undefined && reservation.state === 'unkillable' && !process.hasEnded ? [process.identity] : [],
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
