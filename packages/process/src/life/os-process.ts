// One process of a run, from its spawn to the proof of its death: what it writes, how it is asked to end, how it is
// killed, and how it exited. Its parent, which is the shepherd or this host, carries out the orders and tells the news.
import type { Readable } from 'node:stream'
import { patientTimeout, systemClock, type SupervisorClock } from '@terrarium/supervisor/base'
import type { Identity } from '../table/identity.ts'
import { Output, Tail, type Channel } from './output.ts'

export interface SpawnRequest {
  /** For people: what the process is, e.g. `text/worker-1`. */
  readonly name: string
  readonly command: string
  /** May hold the placeholder `SPAWN_ARGUMENTS` once, where the spawn arguments belong. */
  readonly args: readonly string[]
  /** Added to the environment of the host. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
  /**
   * What makes the process end in order. `SIGTERM` (default): any program. `order`: a Python program that calls
   * `terrarium_shepherd.signals.work_on()` first thing, as workers do: signals that mean the application as a whole do
   * not end it.
   */
  readonly obeys?: 'SIGTERM' | 'order' | undefined
  /**
   * Waits for its turn among the starts of this host, before anything else: as many begin at a time as the machine can
   * carry. A start counts until `activate()` or the exit. Default false.
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

/** Node has no names for real-time signals. */
export type SignalName = NodeJS.Signals | `SIGRTMAX-${number}`

/** What the kernel did for want of memory while a process ran that was killed; see `terrarium_shepherd`. */
export interface MemoryShortage {
  /** How many processes the kernel has killed meanwhile. */
  readonly kills: number
  /** Where they are counted, the folder of a control group; null: on this machine. */
  readonly cgroup: string | null
  /** The lowest memory limit that holds for the group, its own or that of a group above it, in bytes; null: none. */
  readonly limit: number | null
}

/** How a process exited, as its parent (the shepherd or this host) has seen it. */
export interface Exit {
  readonly code: number | null
  readonly signal: SignalName | null
  /** Memory was short: given for a process that SIGKILL ended and that this host had not killed. */
  readonly memory?: MemoryShortage | undefined
}

export interface ExitStatus extends Exit {
  /** What this host had asked for when the process exited. */
  readonly requested: 'none' | 'term' | 'kill'
  /**
   * The process has not exited: two seconds after SIGKILL the kernel still holds it (uninterruptible sleep). Nothing
   * more can be done, so nothing waits for it any longer; its reservation stays until it is gone.
   */
  readonly unkillable: boolean
  /** The last 4 KiB, at most, of standard error. */
  readonly tail: string
}

export interface Cleared {
  /** The shepherd exited before it had killed what the process left behind: there may be something. */
  readonly orphaned: boolean
}

/** What this host wants of a process, carried out by its parent. */
export interface Orders {
  /** Asks the process to end in order, see {@link SpawnRequest.obeys}. */
  readonly end: () => void
  readonly signal: (signal: NodeJS.Signals, target: 'process' | 'group') => void
  /** Stops and resumes the reading of a channel. */
  readonly flow: (channel: Channel, on: boolean) => void
}

/** By this the parent of a process tells what happens to it. */
export interface News {
  /** The process is there. `startTicks` is 0 only for a process that has exited already. */
  readonly spawned: (pid: number, startTicks: number) => void
  /** An empty chunk is the end of the channel. */
  readonly output: (channel: Channel, chunk: Buffer) => void
  /** Told once; later calls are ignored. */
  readonly exited: (exit: Exit) => void
  /** Told after the exit: the parent is done with what the process left behind. */
  readonly cleared: (cleared: Cleared) => void
}

/** What the reservation of a spawn has to do with its process. */
export interface Registration {
  readonly identify: (pid: number, startTicks: number) => Identity
  /** See {@link OsProcess.released}. */
  readonly released: Promise<void>
  /** Writes the state down. Never rejects. */
  readonly note: (state: 'ready' | 'stopping' | 'unkillable') => Promise<void>
}

/** Time as a process is waited for. Default: the system's. A process that exists only in a test has the test's. */
export interface Timing {
  readonly clock: Pick<SupervisorClock, 'setTimeout' | 'clearTimeout'>
  /** Calls back when what has been told before is read. */
  readonly later: (callback: () => void) => unknown
}

const SYSTEM_TIMING: Timing = { clock: systemClock, later: (callback) => setImmediate(callback) }

export const DEFAULT_GRACE_MS = 2000
/** A process that outlives SIGKILL by this much is held by the kernel. */
export const UNKILLABLE_MS = 2000
/**
 * How long after SIGKILL to a process its group is killed, in ms. The shepherd gives the group as long when it sees the
 * process exit.
 */
const GROUP_GRACE_MS = 500

/** One process of a run, from its spawn to the proof of its death. */
export class OsProcess {
  /**
   * How the process exited, or that it is unkillable. Settles outside the exit callback, so that signalling from its
   * continuation is safe. Never rejects.
   */
  readonly exited: Promise<ExitStatus>
  /**
   * The exit is proven: no process carries this spawn's tag any more, and the reservation is deleted. Never rejects.
   */
  readonly released: Promise<void>
  /**
   * The parent has collected the exit. Unlike `exited`, it does not settle for an unkillable process. Never rejects.
   */
  readonly reaped: Promise<Exit>
  /** Settles after `reaped`, when the parent is done with what the process left behind. Never rejects. */
  readonly cleared: Promise<Cleared>
  /** Settles when the process is ready, or has exited. Never rejects. */
  readonly started: Promise<void>
  readonly #registration: Registration
  readonly #orders: Orders
  readonly #clock: Timing['clock']
  readonly #outputs: Readonly<Record<Channel, Output>>
  readonly #tail = new Tail()
  #identity: Identity
  #hasExited = false
  #requested: ExitStatus['requested'] = 'none'
  #cancelTimer = (): void => undefined
  #reap: (exit: Exit) => void = () => undefined
  #clear: (cleared: Cleared) => void = () => undefined
  #settle: (status: ExitStatus) => void = () => undefined
  #start: () => void = () => undefined

  private constructor(registration: Registration, orders: Orders, { clock }: Timing) {
    this.#registration = registration
    this.#orders = orders
    this.#clock = clock
    this.#identity = registration.identify(0, 0)
    this.released = registration.released
    this.reaped = new Promise((resolve) => (this.#reap = resolve))
    this.cleared = new Promise((resolve) => (this.#clear = resolve))
    this.exited = new Promise((resolve) => (this.#settle = resolve))
    this.started = new Promise((resolve) => (this.#start = resolve))
    void this.reaped.then((exit) => {
      this.#cancelTimer()
      this.#settle(this.#status(exit, false))
    })
    void this.exited.then(this.#start)
    const output = (channel: Channel, discard: boolean): Output =>
      new Output(
        (on) => {
          orders.flow(channel, on)
        },
        { discard },
      )
    this.#outputs = { stdout: output('stdout', true), stderr: output('stderr', true), report: output('report', false) }
  }

  /** For the parent of a process, which tells the news of it. */
  static create(
    registration: Registration,
    orders: Orders,
    timing = SYSTEM_TIMING,
  ): { readonly process: OsProcess; readonly news: News } {
    const process = new OsProcess(registration, orders, timing)
    const news: News = {
      spawned: (pid, startTicks) => {
        process.#identity = registration.identify(pid, startTicks)
      },
      output: (channel, chunk) => {
        process.#take(channel, chunk)
      },
      exited: (exit) => {
        if (process.#hasExited) return
        process.#hasExited = true
        // What was told before is read in this turn of the event loop, and every other exit of this moment is known.
        timing.later(() => {
          process.#reap(exit)
        })
      },
      cleared: (cleared) => {
        void process.reaped.then(() => {
          process.#clear(cleared)
        })
      },
    }
    return { process, news }
  }

  /** The pid is 0 until the process is there. */
  get identity(): Identity {
    return this.#identity
  }

  get pid(): number {
    return this.#identity.pid
  }

  get spawnId(): string {
    return this.#identity.spawn
  }

  /** Whether the process has exited. True from the moment that its parent knows. */
  get hasExited(): boolean {
    return this.#hasExited
  }

  /** What the process writes to descriptor 4. Ends at the latest half a second after the exit. */
  get report(): Readable {
    return this.#outputs.report.stream
  }

  /**
   * Kept up to a buffer's length for a reader that comes late, discarded without a reader. Ends at the latest half a
   * second after the exit.
   */
  get stdout(): Readable {
    return this.#outputs.stdout.stream
  }

  /** As `stdout`. */
  get stderr(): Readable {
    return this.#outputs.stderr.stream
  }

  /** The last 4 KiB, at most, of standard error so far. */
  get tail(): string {
    return this.#tail.toString()
  }

  /** Notes in the log that the process is ready. Resolves when the log has it. Never rejects. */
  activate(): Promise<void> {
    this.#start()
    return this.#hasExited ? Promise.resolve() : this.#registration.note('ready')
  }

  /**
   * Asks the process to end in order (see {@link SpawnRequest.obeys}); after `grace` ms (default 2000), kills it. A
   * second call changes nothing.
   */
  terminate({ grace = DEFAULT_GRACE_MS }: { readonly grace?: number | undefined } = {}): Promise<ExitStatus> {
    if (this.#requested === 'none' && !this.#hasExited) {
      this.#requested = 'term'
      void this.#registration.note('stopping')
      this.#orders.end()
      this.#later(grace, () => void this.kill())
    }
    return this.exited
  }

  /**
   * SIGKILL to the process, now. What it leaves behind, its group included, has half a second to end by itself, then it
   * is killed too, also when the kernel does not let go of the process.
   */
  kill(): Promise<ExitStatus> {
    if (this.#requested !== 'kill' && !this.#hasExited) {
      if (this.#requested === 'none') void this.#registration.note('stopping')
      this.#requested = 'kill'
      this.signal('SIGKILL', 'process')
      // The process has not exited by then, so the shepherd has not killed its group.
      this.#later(GROUP_GRACE_MS, () => {
        this.signal('SIGKILL', 'group')
        this.#later(UNKILLABLE_MS - GROUP_GRACE_MS, () => {
          void this.#registration.note('unkillable')
          this.#settle(this.#status({ code: null, signal: null }, true))
        })
      })
    }
    return this.exited
  }

  /** Signals the process, or its whole group. Nothing happens once the process has exited. */
  signal(signal: NodeJS.Signals, target: 'process' | 'group'): void {
    if (!this.#hasExited) this.#orders.signal(signal, target)
  }

  #take(channel: Channel, chunk: Buffer): void {
    if (channel === 'stderr') this.#tail.take(chunk)
    if (chunk.length === 0) this.#outputs[channel].end()
    else this.#outputs[channel].take(chunk)
  }

  /** Replaces the pending step. The timer is patient: a host that stood still reads an exit before the timer fires. */
  #later(ms: number, act: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = patientTimeout(this.#clock, act, ms)
  }

  #status({ code, signal, memory }: Exit, unkillable: boolean): ExitStatus {
    const status = { code, signal, requested: this.#requested, unkillable, tail: this.tail }
    return memory === undefined ? status : { ...status, memory }
  }
}
