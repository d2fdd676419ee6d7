// The host's end of the shepherd: orders go to its standard input, news come from its report channel, both as JSON
// lines. `terrarium_shepherd` describes the protocol.
import { closeSync, constants as fsConstants, openSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { TerrariumError } from '@terrarium/supervisor/base'
import { OsProcess, type MemoryShortage, type News, type SignalName } from '../life/os-process.ts'
import { CHANNELS, type Channel } from '../life/output.ts'
import { readLines } from '../lines.ts'
import { startTicksOf } from '../table/table.ts'
import type { Containment } from './containment.ts'
import { StartedInVain, type Keeper, type LaunchRequest, type OwnChild, type Started } from './launch.ts'
import { startError } from './start-error.ts'

/** The version of the protocol. */
const VERSION = 7

/** The first line of the shepherd. */
type FirstWord =
  | ({ readonly type: 'hello'; readonly version: number } & Hello)
  | {
      readonly type: 'unavailable'
      readonly version: number
      readonly containment: string
      readonly reason: string
    }

export interface Hello {
  /** The pid of the shepherd itself: the child of this host may be the guard process. */
  readonly pid: number
  readonly containment: Containment
  /** The folder of the control group; null: there is none. */
  readonly cgroup: string | null
  /** Why each better level is not in use. */
  readonly missing: Readonly<Partial<Record<Containment, string>>>
}

/** One line of news from the shepherd; its first line is a {@link FirstWord} instead. */
type NewsLine =
  | { readonly type: 'spawned'; readonly spawn: string; readonly pid: number; readonly startTicks: number | null }
  | Refusal
  | { readonly type: 'output'; readonly spawn: string; readonly channel: Channel; readonly data: string }
  | {
      readonly type: 'exited'
      readonly spawn: string
      readonly code: number | null
      readonly signal: number | null
      readonly memory: MemoryShortage | null
    }
  | { readonly type: 'cleared'; readonly spawn: string }
  | { readonly type: 'signalled'; readonly signal: number }

interface Refusal {
  readonly type: 'refused'
  readonly spawn: string
  readonly code: string
  readonly message: string
  /** Whether there may be a process all the same. */
  readonly begun: boolean
}

/** A process of the shepherd, from the order to start it until it is cleared. */
interface Entry {
  readonly request: LaunchRequest
  readonly process: OsProcess
  readonly news: News
  /** These two settle what {@link Shepherd.launch} has answered. */
  readonly spawned: () => void
  readonly failed: (error: TerrariumError | StartedInVain) => void
}

const NOTHING = Buffer.alloc(0)

/**
 * The parent of a run's processes. The shepherd starts them, so that the event loop of this host never stands still for
 * a fork; it reaps them, and it kills all of them with their descendants when this host ends.
 */
export class Shepherd {
  readonly #child: OwnChild
  /** Write end of the lifeline that all workers hold. Never written to; closing it kills them. */
  #lifeline: number | undefined
  /** Processes not yet reported as exited and cleared, by spawn id. */
  readonly #processes = new Map<string, Entry>()
  /** The environment last sent to the shepherd, as JSON. */
  #environment = ''
  #isEnvironmentNew = true
  readonly #onSignal: (signal: SignalName) => void
  #hello: Hello | undefined
  #startTicks = 0
  #isClosing = false
  #isReferenced = true

  /**
   * Waits for the first line of a process that runs `terrarium_shepherd`, and opens the lifeline that it has made.
   * Errors: START_FAILED, and CONFIGURATION when the demanded level of containment cannot be had. `onSignal`: called
   * when the shepherd gets a signal that means the application as a whole.
   */
  static async start(
    child: OwnChild,
    lifeline: string,
    onSignal: (signal: SignalName) => void = () => undefined,
  ): Promise<Shepherd> {
    const shepherd = new Shepherd(child, onSignal)
    await shepherd.#begin(lifeline)
    return shepherd
  }

  private constructor(child: OwnChild, onSignal: (signal: SignalName) => void) {
    this.#child = child
    this.#onSignal = onSignal
  }

  /** What the shepherd has said of itself. */
  get hello(): Hello {
    if (this.#hello === undefined) throw new Error('the shepherd has not said anything yet')
    return this.#hello
  }

  /** Starts a process. Errors: as `launch`. */
  async launch(request: LaunchRequest): Promise<Started> {
    if (this.#child.process.hasExited) throw shepherdGone(request)
    const { spawn, command, args, env, cwd = null, obeys = 'SIGTERM' } = request
    const order = (what: object): void => {
      this.#order({ ...what, spawn })
    }
    const { process, news } = OsProcess.create(request.registration, {
      end: () => {
        order({ type: 'end' })
      },
      signal: (signal, target) => {
        order({ type: 'signal', signal: constants.signals[signal], target })
      },
      flow: (channel, on) => {
        order({ type: 'flow', channel, on })
      },
    })
    void process.cleared.then(() => {
      this.#forget(spawn)
    })
    const spawned = new Promise<void>((resolve, reject) => {
      this.#processes.set(spawn, { request, process, news, spawned: resolve, failed: reject })
    })
    this.#updateReference()
    this.#tellEnvironment()
    order({ type: 'spawn', command, args, env, cwd, obeys })
    await spawned
    return { process, keeper: this.#keeper }
  }

  #forget(spawn: string): void {
    this.#processes.delete(spawn)
    this.#updateReference()
  }

  /** Has the shepherd lock a folder of the run that had to be made again. */
  hold(folder: string): void {
    if (!this.#child.process.hasExited) this.#order({ type: 'hold', folder })
  }

  /** Sets whether the processes of the shepherd keep this host alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    this.#updateReference()
  }

  #updateReference(): void {
    this.#child.waitFor(this.#isClosing || (this.#isReferenced && this.#processes.size > 0))
  }

  get #keeper(): Keeper {
    const { pid, containment, cgroup } = this.hello
    const shepherd = { pid, startTicks: this.#startTicks }
    return { containment, shepherd, ...(cgroup === null ? {} : { cgroup }) }
  }

  /** Has the shepherd kill all its descendants and exit. Resolves when it has. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#updateReference()
    this.#child.stdin.end()
    // Ends its wait for a start that is under way, and makes it go on if it is stopped.
    this.#child.lifeline.destroy()
    await this.#child.process.reaped
  }

  async #begin(lifeline: string): Promise<void> {
    const { process: shepherd, stdin } = this.#child
    let greet: ((line: string) => void) | undefined
    const firstLine = new Promise<string>((resolve) => (greet = resolve))
    readLines(shepherd.report, (line) => {
      // A partial last line: the shepherd was killed while writing it.
      if (shepherd.report.readableEnded) return
      if (greet === undefined) this.#hear(JSON.parse(line) as NewsLine)
      else greet(line)
      greet = undefined
    })
    try {
      const hello = await this.#greeted(firstLine)
      // O_RDWR: opening a FIFO for writing alone fails without a reader.
      this.#lifeline = openSync(lifeline, fsConstants.O_RDWR | fsConstants.O_NONBLOCK)
      // Without a name, nothing can remove it. The shepherd reopens it by /proc, which only Linux has.
      if (process.platform === 'linux') rmSync(lifeline, { force: true })
      this.#hello = hello
      this.#startTicks = startTicksOf(hello.pid) ?? 0
    } catch (error) {
      stdin.end()
      if (error instanceof TerrariumError) throw error
      const { code, message } = error as NodeJS.ErrnoException
      throw new TerrariumError('START_FAILED', `the shepherd cannot be reached: ${message}`, {
        hint:
          code === 'ENOENT'
            ? `Start it again: ${lifeline} was removed in the moment between two steps of its start.`
            : 'The system is short of descriptors: see ulimit -a.',
        cause: error,
      })
    } finally {
      void shepherd.reaped.then(() => {
        this.#orphanAll()
      })
    }
    this.#child.waitFor(false)
  }

  async #greeted(firstLine: Promise<string>): Promise<Hello> {
    const { process: shepherd } = this.#child
    const line = await Promise.race([
      firstLine,
      shepherd.reaped.then(({ code, signal }) => {
        const why = `${signal ?? `exit status ${code}`} ${shepherd.tail}`.trim()
        throw new TerrariumError('START_FAILED', `the shepherd has ended before its first word: ${why}`)
      }),
    ])
    const word = JSON.parse(line) as FirstWord
    if (word.version !== VERSION) {
      throw new TerrariumError(
        'START_FAILED',
        `the shepherd speaks version ${word.version} of its protocol, not ${VERSION}`,
        { hint: 'Start the host again: its Python files have been replaced.' },
      )
    }
    if (word.type === 'unavailable') throw unavailable(word.containment, word.reason)
    const { pid, containment, cgroup, missing } = word
    return { pid, containment, cgroup, missing }
  }

  /**
   * Sends this process's environment if it changed since the last spawn. Checked at most once per event-loop turn:
   * serialising it costs more than an order.
   */
  #tellEnvironment(): void {
    if (!this.#isEnvironmentNew) return
    this.#isEnvironmentNew = false
    setImmediate(() => (this.#isEnvironmentNew = true))
    const environment = JSON.stringify(process.env)
    if (environment === this.#environment) return
    this.#environment = environment
    this.#say(`{"type":"environment","env":${environment}}`)
  }

  #order(order: object): void {
    this.#say(JSON.stringify(order))
  }

  /** Sends the lines of one event-loop turn in one write. */
  #say(line: string): void {
    const { stdin } = this.#child
    if (stdin.writableCorked === 0) {
      stdin.cork()
      process.nextTick(() => {
        stdin.uncork()
      })
    }
    stdin.write(`${line}\n`)
  }

  #hear(message: NewsLine): void {
    if (message.type === 'signalled') {
      this.#onSignal(nameOf(message.signal))
      return
    }
    const entry = this.#processes.get(message.spawn)
    if (entry === undefined) return
    const { news, spawned } = entry
    switch (message.type) {
      case 'spawned':
        news.spawned(message.pid, message.startTicks ?? startTicksOf(message.pid) ?? 0)
        spawned()
        break
      case 'refused':
        this.#refuse(entry, message)
        break
      case 'output':
        news.output(message.channel, Buffer.from(message.data, 'base64'))
        break
      case 'exited': {
        const { code, signal, memory } = message
        for (const channel of CHANNELS) news.output(channel, NOTHING)
        news.exited({ code, signal: signal === null ? null : nameOf(signal), memory: memory ?? undefined })
        break
      }
      case 'cleared':
        news.cleared({ orphaned: false })
    }
  }

  #refuse({ request, process, failed }: Entry, { code, message, begun }: Refusal): void {
    const error = startError(request, Object.assign(new Error(message), { code }))
    if (begun) failed(new StartedInVain(error, process.cleared))
    else {
      failed(error)
      this.#forget(request.spawn)
    }
  }

  /** The shepherd has exited. The kernel kills its processes, since their lifeline is closed. */
  #orphanAll(): void {
    if (this.#lifeline !== undefined) closeSync(this.#lifeline)
    for (const { request, process, news, failed } of this.#processes.values()) {
      if (process.pid === 0) failed(new StartedInVain(shepherdGone(request), process.cleared))
      if (!process.hasExited) for (const channel of CHANNELS) news.output(channel, NOTHING)
      news.exited({ code: null, signal: 'SIGKILL' })
      news.cleared({ orphaned: true })
    }
  }
}

/** The highest number of a signal on Linux. */
const SIGRTMAX = 64

function nameOf(signal: number): SignalName {
  const names = Object.keys(constants.signals) as NodeJS.Signals[]
  return names.find((name) => constants.signals[name] === signal) ?? `SIGRTMAX-${SIGRTMAX - signal}`
}

function unavailable(containment: string, reason: string): TerrariumError {
  return new TerrariumError('CONFIGURATION', `there is no containment ${containment} here: ${reason}`, {
    hint: 'Ask for `auto`, which takes the best there is and says which, or for a lower one: pidns, cgroup, shepherd.',
    details: { containment, reason },
  })
}

function shepherdGone({ command }: LaunchRequest): TerrariumError {
  return new TerrariumError('START_FAILED', `${command} cannot be started: the shepherd has died`, {
    hint: 'Start it again: a new shepherd takes over.',
  })
}
