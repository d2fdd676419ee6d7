import { closeSync, constants as fsConstants, openSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { TerrariumError } from '@terrarium/supervisor/base'
import { CHANNELS, Channels, type Channel } from './channels.ts'
import { readLines } from '../lines.ts'
import { startTicksOf } from '../table/table.ts'
import type { Containment } from './containment.ts'
import {
  startError,
  StartedInVain,
  type Cleared,
  type Ended,
  type Keeper,
  type Launched,
  type LaunchedChild,
  type LaunchRequest,
  type MemoryShortage,
  type SignalName,
} from './launch.ts'

/** Of the protocol, which `terrarium_shepherd` describes. */
const VERSION = 7

/** The shepherd's first word. */
type FirstWord =
  | ({ readonly type: 'hello'; readonly version: number } & Hello)
  | {
      readonly type: 'unavailable'
      readonly version: number
      readonly containment: string
      readonly reason: string
    }

export interface Hello {
  /** Of the shepherd itself; the guard process may be between it and this process. */
  readonly pid: number
  readonly containment: Containment
  /** The folder of the control group, where there is one. */
  readonly cgroup: string | null
  /** Why it is no better. */
  readonly missing: Readonly<Partial<Record<Containment, string>>>
}

/** What the shepherd tells after its first word. */
type News =
  | { readonly type: 'spawned'; readonly spawn: string; readonly pid: number; readonly startTicks: number | null }
  | {
      readonly type: 'refused'
      readonly spawn: string
      readonly code: string
      readonly message: string
      readonly begun: boolean
    }
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

/**
 * The parent of a run's processes. It starts them, so that this process never stands still for a fork, reaps them, and
 * ends all of them, with whatever they have started, when this process ends.
 */
export class Shepherd {
  readonly #launched: LaunchedChild
  /** Write end of the lifeline that all workers hold. Never written to; closing it kills them. */
  #lifeline: number | undefined
  /** Processes not yet reported as exited and cleared, by spawn id. */
  readonly #processes = new Map<string, Shepherded>()
  /** The environment last sent to the shepherd, as JSON. */
  #environment = ''
  #isEnvironmentNew = true
  readonly #onSignal: (signal: SignalName) => void
  #hello: Hello | undefined
  #startTicks = 0
  #isClosing = false
  #isReferenced = true

  /**
   * Waits for the first word of a process that runs `terrarium_shepherd`, and opens the lifeline that it has made.
   * Errors: START_FAILED, and CONFIGURATION when it cannot have the containment that it was told to have. `onSignal`:
   * called when a signal has come to the shepherd that means the application as a whole.
   */
  static async start(
    launched: LaunchedChild,
    lifeline: string,
    onSignal: (signal: SignalName) => void = () => undefined,
  ): Promise<Shepherd> {
    const shepherd = new Shepherd(launched, onSignal)
    await shepherd.#begin(lifeline)
    return shepherd
  }

  private constructor(launched: LaunchedChild, onSignal: (signal: SignalName) => void) {
    this.#launched = launched
    this.#onSignal = onSignal
  }

  /** The shepherd's first word. */
  get hello(): Hello {
    if (this.#hello === undefined) throw new Error('the shepherd has not said anything yet')
    return this.#hello
  }

  /** Starts a process. Errors: as `launch`. */
  async launch(request: LaunchRequest): Promise<Launched> {
    if (this.#launched.hasEnded()) throw shepherdGone(request)
    const shepherded = new Shepherded(request, this.#keeper(), (order) => {
      this.#order({ ...order, spawn: request.spawn })
    })
    const { spawn, command, args, env, cwd = null, obeys = 'SIGTERM' } = request
    this.#processes.set(spawn, shepherded)
    this.#updateReference()
    void shepherded.whenCleared.then(() => {
      this.#processes.delete(spawn)
      this.#updateReference()
    })
    this.#tellEnvironment()
    this.#order({ type: 'spawn', spawn, command, args, env, cwd, obeys })
    return shepherded.launched
  }

  /** Has the shepherd lock a folder of the run that had to be made again. */
  hold(folder: string): void {
    if (!this.#launched.hasEnded()) this.#order({ type: 'hold', folder })
  }

  /** Whether its processes keep the host process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    this.#updateReference()
  }

  #updateReference(): void {
    this.#launched.waitFor(this.#isClosing || (this.#isReferenced && this.#processes.size > 0))
  }

  #keeper(): Keeper {
    const { pid, containment, cgroup } = this.hello
    const shepherd = { pid, startTicks: this.#startTicks }
    return { containment, shepherd, ...(cgroup === null ? {} : { cgroup }) }
  }

  /** It ends all that is below it and then itself. Resolves when it has. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#updateReference()
    this.#launched.stdin.end()
    // With this it does not wait for anything that it is just starting, and goes on if it is stopped.
    this.#launched.lifeline.destroy()
    await this.#launched.ended
  }

  async #begin(lifeline: string): Promise<void> {
    const { channels, ended, stdin } = this.#launched
    let greet: ((line: string) => void) | undefined
    const firstLine = new Promise<string>((resolve) => (greet = resolve))
    readLines(channels.report, (line) => {
      // A partial last line: the shepherd was killed while writing it.
      if (channels.report.readableEnded) return
      if (greet === undefined) this.#hear(JSON.parse(line) as News)
      else greet(line)
      greet = undefined
    })
    try {
      const hello = await this.#greeted(firstLine)
      // For reading too, so that it need not have a reader to be opened.
      this.#lifeline = openSync(lifeline, fsConstants.O_RDWR | fsConstants.O_NONBLOCK)
      // Nobody can take away a name that is not there. Only Linux opens a FIFO anew without its name.
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
      void ended.then(() => {
        this.#orphanAll()
      })
    }
    this.#launched.waitFor(false)
  }

  async #greeted(firstLine: Promise<string>): Promise<Hello> {
    const { channels, ended } = this.#launched
    const line = await Promise.race([
      firstLine,
      ended.then(({ code, signal }) => {
        const why = `${signal ?? `exit status ${code}`} ${channels.tail}`.trim()
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
    const { stdin } = this.#launched
    if (stdin.writableCorked === 0) {
      stdin.cork()
      process.nextTick(() => {
        stdin.uncork()
      })
    }
    stdin.write(`${line}\n`)
  }

  #hear(news: News): void {
    if (news.type === 'signalled') {
      this.#onSignal(nameOf(news.signal))
      return
    }
    const shepherded = this.#processes.get(news.spawn)
    switch (news.type) {
      case 'spawned':
        shepherded?.spawned(news.pid, news.startTicks ?? startTicksOf(news.pid) ?? 0)
        break
      case 'refused':
        shepherded?.refused(news)
        break
      case 'output':
        shepherded?.said(news.channel, Buffer.from(news.data, 'base64'))
        break
      case 'exited':
        shepherded?.exited({
          code: news.code,
          signal: news.signal === null ? null : nameOf(news.signal),
          memory: news.memory ?? undefined,
        })
        break
      case 'cleared':
        shepherded?.cleared({ orphaned: false })
    }
  }

  /** The shepherd has exited, and its processes end with it. */
  #orphanAll(): void {
    if (this.#lifeline !== undefined) closeSync(this.#lifeline)
    for (const shepherded of this.#processes.values()) shepherded.orphaned()
  }
}

type Order =
  | { readonly type: 'end' }
  | { readonly type: 'signal'; readonly signal: number; readonly target: 'process' | 'group' }
  | { readonly type: 'flow'; readonly channel: Channel; readonly on: boolean }

/** One process of the shepherd's, from the request on. */
class Shepherded {
  readonly launched: Promise<Launched>
  readonly #request: LaunchRequest
  readonly #keeper: Keeper
  readonly #order: (order: Order) => void
  #channels: Channels | undefined
  #over = false
  #resolve: (launched: Launched) => void = () => undefined
  #reject: (error: TerrariumError | StartedInVain) => void = () => undefined
  #end: (ended: Ended) => void = () => undefined
  readonly #ended = new Promise<Ended>((resolve) => (this.#end = resolve))
  #clear: (cleared: Cleared) => void = () => undefined
  readonly whenCleared = new Promise<Cleared>((resolve) => (this.#clear = resolve))

  constructor(request: LaunchRequest, keeper: Keeper, order: (order: Order) => void) {
    this.#request = request
    this.#keeper = keeper
    this.#order = order
    this.launched = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  spawned(pid: number, startTicks: number): void {
    const channels = new Channels((channel) => ({
      pause: () => {
        this.#let(channel, false)
      },
      resume: () => {
        this.#let(channel, true)
      },
    }))
    this.#channels = channels
    this.#resolve({
      pid,
      startTicks,
      keeper: this.#keeper,
      channels,
      ended: this.#ended,
      cleared: this.whenCleared,
      hasEnded: () => this.#over,
      end: () => {
        if (!this.#over) this.#order({ type: 'end' })
      },
      signal: (signal, target) => {
        if (!this.#over) this.#order({ type: 'signal', signal: constants.signals[signal], target })
      },
    })
  }

  refused({ code, message, begun }: { code: string; message: string; begun: boolean }): void {
    const error = startError(this.#request, Object.assign(new Error(message), { code }))
    if (begun) this.#reject(new StartedInVain(error, this.whenCleared))
    else {
      this.#reject(error)
      this.#clear({ orphaned: false })
    }
  }

  /** An empty chunk is the end of the channel. */
  said(channel: Channel, chunk: Buffer): void {
    if (chunk.length > 0) this.#channels?.take(channel, chunk)
    else this.#channels?.end(channel)
  }

  exited(ended: Ended): void {
    this.#over = true
    for (const channel of CHANNELS) this.#channels?.end(channel)
    // All that it has said has been told before, and is read in this turn of the event loop.
    setImmediate(this.#end, ended)
  }

  cleared(cleared: Cleared): void {
    void this.#ended.then(() => {
      this.#clear(cleared)
    })
  }

  /** The kernel kills it, if it is alive, since the shepherd is gone and the lifeline is closed. */
  orphaned(): void {
    if (this.#channels === undefined) this.#reject(new StartedInVain(shepherdGone(this.#request), this.whenCleared))
    if (!this.#over) this.exited({ code: null, signal: 'SIGKILL' })
    this.cleared({ orphaned: true })
  }

  #let(channel: Channel, on: boolean): void {
    if (!this.#over) this.#order({ type: 'flow', channel, on })
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
