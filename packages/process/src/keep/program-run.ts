import { basename } from 'node:path'
import {
  askUser,
  exitWith,
  systemClock,
  TerrariumError,
  type ErrorCode,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import type { AnyActorRef } from 'xstate'
import { tellingLine } from '../last-words.ts'
import { readLines, type LineReader } from '../lines.ts'
import { describeShortage } from '../memory-shortage.ts'
import type { ExitStatus, OsProcess } from '../os-process.ts'
import { patience, startTimer } from '../pacing/patience.ts'
import type { OutputStream, ProgramEvent, ProgramOptions } from './program.ts'

export type News =
  | ProgramEvent
  | { readonly type: 'program.end'; readonly status: ExitStatus }
  | { readonly type: 'program.failed'; readonly error: unknown }

type Program = ProgramOptions & { readonly command: string; readonly args: readonly string[] }

const STREAMS = ['stdout', 'stderr'] as const
/** Signals that are sent to whole applications to end them. */
const ENDING: ReadonlySet<string> = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGPWR'])
/** How long the proof of its death is waited for, in ms. */
const PROOF_MS = 5000
const START_TIMEOUT_MS = 30_000
/**
 * How long after the end of a program the signal that has ended it may come to the others of the application, in ms.
 */
const SETTLE_MS = 250
/** How long a host may take to drain after a signal to its application, in ms: as long as systemd gives it. */
const DRAIN_MS = 90_000

/** One run of a program: tells its actor of everything, last of its end. */
export class ProgramRun {
  readonly #program: Program
  readonly #name: string
  readonly #actor: AnyActorRef
  #process: OsProcess | undefined
  #isReady = false
  #isAsked = false
  /** Why it is ended before it was ready. */
  #failure: { readonly why: string; readonly hint: string; readonly cause: unknown } | undefined
  readonly #readers: LineReader[] = []
  #stopTimer = (): void => undefined
  /** The program is asked to end, which has already. */
  #letGo = (): void => undefined
  /** Aborted when it is asked to end: it may still wait for its turn. */
  readonly #asked = new AbortController()

  constructor(program: Program, actor: AnyActorRef) {
    this.#program = program
    this.#name = program.name || basename(program.command)
    this.#actor = actor
  }

  begin(): void {
    void this.#live()
      .then(
        (status): News => ({ type: 'program.end', status }),
        (error: unknown): News => ({ type: 'program.failed', error }),
      )
      .then((end) => {
        this.#stopTimer()
        this.#tell(end)
      })
  }

  /** SIGTERM, the grace, SIGKILL to its group; as soon as it runs, if it does not yet. */
  end(): void {
    this.#isAsked = true
    this.#asked.abort()
    this.#stopTimer()
    this.#letGo()
    this.#terminate()
  }

  async #live(): Promise<ExitStatus> {
    const { runtime, command, args, env, cwd, ready, lines } = this.#program
    const { signal } = this.#asked
    const process = await runtime.spawn({ name: this.#name, command, args, env, cwd, paced: true, signal })
    const { pid, spawnId } = process
    this.#process = process
    if (this.#isEnding) this.#terminate()
    this.#tell({ type: 'program.start', pid, spawnId })
    const read = ready !== undefined || lines === true ? STREAMS.map((stream) => this.#read(process, stream)) : []
    if (ready === undefined) this.#becomeReady()
    else this.#startTimer(pid)
    const status = await process.exited
    // A descendant that resists its end keeps nobody waiting for ever.
    if (!status.unkillable) await Promise.race([Promise.all([process.released, ...read]), patience(PROOF_MS)])
    if (this.#isReady && !this.#isEnding) await this.#waitForDrain(status, pid)
    return this.#judge(status, pid)
  }

  /**
   * A signal to the whole application ends a program, too, which is not to be started again while its host drains. So
   * the end of the program is told when the host asks for it, or does not drain after all.
   */
  async #waitForDrain({ signal, code }: ExitStatus, pid: number): Promise<void> {
    const { runtime } = this.#program
    const isSignalled = (): boolean =>
      runtime.signalled !== undefined && performance.now() - runtime.signalled.at < DRAIN_MS
    if (signal !== null && !ENDING.has(signal)) return
    // A program that handles a signal ends with a status of its own: most with 0, or with 128 and the number of the
    // signal.
    const isUnclear = signal !== null || code === 0 || (code ?? 0) > 128
    // Signals come in the time of the system, whatever the time of the supervision.
    if (isUnclear && !isSignalled()) await this.#orderWithin(systemClock, SETTLE_MS)
    if (!isSignalled() || this.#isEnding) return
    this.#tell({ type: 'program.held', pid })
    await this.#orderWithin(clockOf(this.#actor), DRAIN_MS)
  }

  /** Resolves when the program is asked to end, or after so many ms. */
  #orderWithin(clock: SupervisorClock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer: unknown = clock.setTimeout(resolve, ms)
      this.#letGo = () => {
        clock.clearTimeout(timer)
        resolve()
      }
    })
  }

  /** When it runs: the time before is not its own. */
  #startTimer(pid: number): void {
    if (this.#isEnding) return
    const { startTimeout = START_TIMEOUT_MS } = this.#program
    const giveUp = (): void => {
      this.#giveUp(
        `was not ready within ${startTimeout} ms`,
        'Raise `startTimeout`, or look at what `ready` waits for.',
      )
    }
    this.#stopTimer = startTimer(clockOf(this.#actor), pid, startTimeout, giveUp)
  }

  get #isEnding(): boolean {
    return this.#isAsked || this.#failure !== undefined
  }

  #terminate(): void {
    void this.#process?.terminate({ grace: this.#program.grace })
  }

  #tell(news: News): void {
    if ((this.#actor.getSnapshot() as { status: string }).status === 'active') this.#actor.send(news)
  }

  /** Line by line, for as long as there is something to find in it. Resolves when its last line is told. */
  #read(process: OsProcess, stream: OutputStream): Promise<void> {
    const reader = readLines(process[stream], (line) => {
      if (this.#program.lines === true) this.#tell({ type: 'program.line', pid: process.pid, stream, line })
      if (this.#saysReady(line, stream)) this.#becomeReady()
    })
    this.#readers.push(reader)
    return reader.closed // what comes afterwards is discarded, as if nobody had ever read
  }

  #saysReady(line: string, stream: OutputStream): boolean {
    const { ready } = this.#program
    if (ready === undefined || this.#isReady) return false
    try {
      // Unlike test(), search() remembers nothing from one line to the next.
      return ready instanceof RegExp ? line.search(ready) !== -1 : askUser(() => ready(line, stream))
    } catch (cause) {
      this.#giveUp(
        'cannot be asked whether it is ready',
        'Repair the function `ready`: it has thrown, or answered with a promise.',
        cause,
      )
      return false
    }
  }

  #becomeReady(): void {
    if (this.#process === undefined || this.#isReady || this.#isEnding) return
    this.#isReady = true
    this.#stopTimer()
    void this.#process.activate()
    this.#tell({ type: 'program.ready', pid: this.#process.pid })
    if (this.#program.lines !== true) for (const reader of this.#readers) reader.close()
  }

  #giveUp(why: string, hint: string, cause?: unknown): void {
    if (this.#isReady || this.#isEnding) return
    this.#failure = { why, hint, cause }
    this.#terminate()
  }

  #judge(status: ExitStatus, pid: number): ExitStatus {
    const { code, signal, unkillable, tail } = status
    const stderr = tail.trim()
    const memory = status.memory === undefined ? {} : { memory: status.memory }
    const failed = (kind: ErrorCode, why: string, hint?: string, cause?: unknown): TerrariumError =>
      new TerrariumError(kind, `program ${this.#name} ${why}`, {
        hint: hint ?? lastWords(status),
        cause,
        details: { program: this.#name, pid, code, signal, stderr, ...(unkillable ? { unkillable } : {}), ...memory },
      })
    if (unkillable) {
      const hint = `SIGKILL is pending. Look at what it waits for in /proc/${pid}/stack: a disk or a network file system that hangs.`
      throw failed('WORKER_CRASHED', `cannot be ended: the kernel holds process ${pid}`, hint)
    }
    if (this.#failure !== undefined)
      throw failed('START_FAILED', this.#failure.why, this.#failure.hint, this.#failure.cause)
    if (this.#isAsked) return { ...status, ...exitWith({ type: 'shutdown', detail: status }) }
    const shortage = status.memory && describeShortage(status.memory)
    const ended = signal === null ? `exit status ${code ?? '?'}` : `signal ${signal}`
    const how = shortage === undefined ? ended : `${ended}; ${shortage.what}`
    if (!this.#isReady) {
      const hint = code === 0 ? 'It has to stay in the foreground, and to say what `ready` waits for.' : shortage?.hint
      throw failed('START_FAILED', `ended before it was ready: ${how}`, hint)
    }
    if (code !== 0) throw failed('WORKER_CRASHED', `died: ${how}`, shortage?.hint)
    return status
  }
}

function lastWords(status: ExitStatus): string | undefined {
  const line = tellingLine(status)
  return line && `Its last words: ${line}`
}

/** That of the actor's system, unless it is XState's own, which does not read before it judges. */
function clockOf(actor: AnyActorRef): SupervisorClock {
  const { clock } = actor as unknown as { readonly clock: Partial<SupervisorClock> }
  return typeof clock.now === 'function' ? (clock as SupervisorClock) : systemClock
}
