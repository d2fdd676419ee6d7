import type { Readable } from 'node:stream'
import { patientTimeout, systemClock } from '@terrarium/supervisor/base'
import type { Identity } from './table/identity.ts'
import type { Ended, Launched, MemoryShortage, SignalName } from './shepherd/launch.ts'

export interface SpawnRequest {
  /** For people: what the process is, e.g. `text/worker-1`. */
  readonly name: string
  readonly command: string
  /** May hold the placeholder `SPAWN_ARGUMENTS` once, where the pair of marker arguments belongs. */
  readonly args: readonly string[]
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
  /**
   * What the process ends in order for when it is asked to. `SIGTERM` (default): any program. `order`: a Python program
   * that calls `terrarium_shepherd.signals.work_on()` first thing, as workers do: signals that mean the application as
   * a whole do not end it.
   */
  readonly obeys?: 'SIGTERM' | 'order' | undefined
  /**
   * Waits for its turn among the starts of this host process, before anything else: as many begin at a time as the
   * machine can carry. It counts as starting until `activate()` or its exit. Default false.
   */
  readonly paced?: boolean | undefined
  /** Gives up while the start waits for its turn: STOPPED. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called when the reservation is on disk, before the process exists. If it throws, or answers with a promise, the
   * start is rejected for that, and there is no process.
   */
  readonly onReserved?: ((spawnId: string) => void) | undefined
}

export interface ExitStatus {
  readonly code: number | null
  readonly signal: SignalName | null
  /** What this host had asked for when it ended. */
  readonly requested: 'none' | 'term' | 'kill'
  /**
   * It has not ended: two seconds after SIGKILL the kernel still holds it (uninterruptible sleep). There is nothing
   * more to be done about it, so whoever waits need not wait any longer; its reservation stays until it is gone.
   */
  readonly unkillable: boolean
  /** The last 4 KiB, at most, of standard error. */
  readonly tail: string
  /** Memory was short: of a process that SIGKILL has ended and this host has not, what the kernel did while it ran. */
  readonly memory?: MemoryShortage | undefined
}

/** One process of ours, from its start to the proof of its death. */
export interface OsProcess {
  readonly pid: number
  readonly spawnId: string
  readonly identity: Identity
  /** What the process writes to descriptor 4. Ends at the latest half a second after the exit. */
  readonly report: Readable
  /**
   * Kept up to a buffer's length for whoever comes late, discarded when nobody reads. Ends at the latest half a second
   * after the exit.
   */
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles outside the exit callback, so that signalling from its continuation is safe. Never rejects. */
  readonly exited: Promise<ExitStatus>
  /** Death is proven: nothing carries this spawn's marker any more, and the reservation is deleted. Never rejects. */
  readonly released: Promise<void>
  /** Notes in the log that it is ready. Resolves when the log has it. Never rejects. */
  activate(): Promise<void>
  /**
   * Asks the process to end in order (see {@link SpawnRequest.obeys}); after `grace` ms (default 2000), kills it. A
   * second call changes nothing.
   */
  terminate(options?: { readonly grace?: number | undefined }): Promise<ExitStatus>
  /**
   * SIGKILL to the process, now. What it leaves behind, its group included, has half a second to end by itself, then it
   * is killed too, also when the kernel does not let go of the process.
   */
  kill(): Promise<ExitStatus>
}

/** What a process tells the runtime that started it. */
export interface ProcessHooks {
  /** What the log should say of it now. Never rejects. */
  is(state: 'ready' | 'stopping' | 'unkillable'): Promise<void>
}

const DEFAULT_GRACE_MS = 2000
/** A process that outlives SIGKILL by this much is held by the kernel. */
export const UNKILLABLE_MS = 2000
/**
 * How long after SIGKILL to a process its group is killed, in ms. The shepherd gives it as long when it sees the
 * process exit.
 */
const GROUP_GRACE_MS = 500

export class ManagedProcess implements OsProcess {
  readonly identity: Identity
  readonly exited: Promise<ExitStatus>
  readonly released: Promise<void>
  /** Settles when it is ready, or has ended. */
  readonly started: Promise<void>
  readonly #launched: Launched
  readonly #hooks: ProcessHooks
  #requested: ExitStatus['requested'] = 'none'
  #cancelTimer = (): void => undefined
  #giveUp: (status: ExitStatus) => void = () => undefined
  #hasStarted: () => void = () => undefined

  constructor(launched: Launched, identity: Identity, released: Promise<void>, hooks: ProcessHooks) {
    this.#launched = launched
    this.#hooks = hooks
    this.identity = identity
    this.released = released
    this.started = new Promise((resolve) => {
      this.#hasStarted = resolve
    })
    this.exited = new Promise((resolve) => {
      this.#giveUp = resolve
      void launched.ended.then((ended) => {
        this.#cancelTimer()
        resolve(this.#status(ended, false))
      })
    })
    void this.exited.then(this.#hasStarted)
  }

  get hasEnded(): boolean {
    return this.#launched.hasEnded()
  }

  get pid(): number {
    return this.#launched.pid
  }

  get spawnId(): string {
    return this.identity.spawn
  }

  get report(): Readable {
    return this.#launched.channels.report
  }

  get stdout(): Readable {
    return this.#launched.channels.stdout
  }

  get stderr(): Readable {
    return this.#launched.channels.stderr
  }

  activate(): Promise<void> {
    this.#hasStarted()
    return this.#launched.hasEnded() ? Promise.resolve() : this.#hooks.is('ready')
  }

  terminate({ grace = DEFAULT_GRACE_MS }: { readonly grace?: number | undefined } = {}): Promise<ExitStatus> {
    if (this.#requested === 'none' && !this.#launched.hasEnded()) {
      this.#requested = 'term'
      void this.#hooks.is('stopping')
      this.#launched.end()
      this.#later(grace, () => void this.kill())
    }
    return this.exited
  }

  kill(): Promise<ExitStatus> {
    if (this.#requested !== 'kill' && !this.#launched.hasEnded()) {
      if (this.#requested === 'none') void this.#hooks.is('stopping')
      this.#requested = 'kill'
      this.#launched.signal('SIGKILL', 'process')
      // The process has not exited by then, so the shepherd has not seen to its group.
      this.#later(GROUP_GRACE_MS, () => {
        this.#launched.signal('SIGKILL', 'group')
        this.#later(UNKILLABLE_MS - GROUP_GRACE_MS, () => {
          void this.#hooks.is('unkillable')
          this.#giveUp(this.#status({ code: null, signal: null }, true))
        })
      })
    }
    return this.exited
  }

  /** In place of what was to come later before. A host that stood still has not seen an exit that is told already. */
  #later(ms: number, act: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = patientTimeout(systemClock, act, ms)
  }

  #status({ code, signal, memory }: Ended, unkillable: boolean): ExitStatus {
    const status = { code, signal, requested: this.#requested, unkillable, tail: this.#launched.channels.tail }
    return memory === undefined ? status : { ...status, memory }
  }
}
