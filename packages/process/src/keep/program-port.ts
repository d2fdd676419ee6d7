// The port of a program: it is ready as soon as it runs, or when a line of its output says so. Its end is told when
// the death of all that it has started is proven.
import { basename } from 'node:path'
import { askUser, systemClock, type ExitReason, type SupervisorClock } from '@terrarium/supervisor/base'
import { errorAbout, explainExit, type ExitFacts, type Explanation, type Subject } from '../life/explain-exit.ts'
import type { ExitStatus, OsProcess, SpawnRequest } from '../life/os-process.ts'
import type { End, Life, Port } from '../life/port.ts'
import { readLines, type LineReader } from '../lines.ts'
import { patience } from '../pacing/patience.ts'
import type { Runtime } from '../runtime.ts'
import type { OutputStream, ProgramEvent, ProgramOptions } from './program.ts'

type Program = ProgramOptions & { readonly command: string; readonly args: readonly string[] }

const STREAMS = ['stdout', 'stderr'] as const
/** Signals that are sent to whole applications to end them. */
const ENDING: ReadonlySet<string> = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGPWR'])
/** How long the proof of death is waited for, in ms. */
const PROOF_MS = 5000
/** How long after the exit of a program its signal may come to other processes of the application, in ms. */
const SETTLE_MS = 250
/** How long a host may take to drain after a signal to its application, in ms: as long as systemd gives it. */
const DRAIN_MS = 90_000

export class ProgramPort implements Port {
  readonly runtime: Runtime
  readonly clock: SupervisorClock
  readonly startTimeout: number | undefined
  readonly grace: number | undefined
  readonly onStop = 'terminate'
  readonly #program: Program
  readonly #name: string
  readonly #life: Life
  /** Why the program is ended before it was ready. */
  #failure: Explanation | undefined
  readonly #readers: LineReader[] = []

  constructor(program: Program, life: Life) {
    this.#program = program
    this.#name = program.name || basename(program.command)
    this.#life = life
    this.runtime = program.runtime
    this.clock = life.clock
    this.startTimeout = program.startTimeout
    this.grace = program.grace
  }

  request(): SpawnRequest {
    const { command, args, env, cwd } = this.#program
    return { name: this.#name, command, args, env, cwd }
  }

  spawned(process: OsProcess): void {
    const { ready, lines } = this.#program
    if (ready !== undefined || lines === true) for (const stream of STREAMS) this.#read(process, stream)
    if (ready === undefined) this.#life.ready()
  }

  late({ pid }: OsProcess, timeout: number): void {
    this.#giveUp(pid, {
      code: 'START_FAILED',
      why: `was not ready within ${timeout} ms`,
      hint: 'Raise `startTimeout`, or look at what `ready` waits for.',
    })
  }

  async exited(process: OsProcess, status: ExitStatus): Promise<void> {
    const read = this.#readers.map(({ closed }) => closed)
    // A descendant that resists its end delays nothing for ever.
    await Promise.race([Promise.all([process.released, ...read]), patience(PROOF_MS)])
    if (this.#life.isReady && !this.#life.ending.aborted) await this.#waitForDrain(status)
  }

  conclude(end: End, reason: ExitReason | undefined): ExitReason {
    if ('error' in end) return { type: 'error', error: end.error }
    const { status, process } = end
    if (!status.unkillable && this.#failure === undefined) {
      if (reason !== undefined) return reason.type === 'shutdown' ? { type: 'shutdown', detail: status } : reason
      if (this.#life.isReady && status.code === 0) return { type: 'normal', output: status }
    }
    const explain = (exit: ExitFacts): Explanation => this.#failure ?? this.#explain(exit)
    const error = explainExit(status, this.#subject(process.pid), explain)
    return { type: 'error', error }
  }

  /**
   * A program that a signal to the whole application has ended must not be started again while its host drains. So its
   * end is told when the host stops it, or when the host has not drained in time.
   */
  async #waitForDrain({ signal, code }: ExitStatus): Promise<void> {
    const { runtime } = this
    const isSignalled = (): boolean =>
      runtime.signalled !== undefined && performance.now() - runtime.signalled.at < DRAIN_MS
    if (signal !== null && !ENDING.has(signal)) return
    // A program that handles a signal ends with a status of its own: most with 0, or with 128 and the number of the
    // signal.
    const isUnclear = signal !== null || code === 0 || (code ?? 0) > 128
    // By the system's clock: signals do not come by a virtual one.
    if (isUnclear && !isSignalled()) await this.#orderWithin(systemClock, SETTLE_MS)
    if (!isSignalled() || this.#life.ending.aborted) return
    this.#life.held()
    await this.#orderWithin(this.clock, DRAIN_MS)
  }

  /** Resolves when the program is asked to end, or after so many ms. */
  #orderWithin(clock: SupervisorClock, ms: number): Promise<void> {
    const { ending } = this.#life
    return new Promise((resolve) => {
      const asked = (): void => {
        clock.clearTimeout(timer)
        resolve()
      }
      const timer: unknown = clock.setTimeout(() => {
        ending.removeEventListener('abort', asked)
        resolve()
      }, ms)
      ending.addEventListener('abort', asked, { once: true })
    })
  }

  /** Reads line by line, until the program is ready or, with `lines`, to the end. */
  #read(process: OsProcess, stream: OutputStream): void {
    const { pid } = process
    const reader = readLines(process[stream], (line) => {
      if (this.#program.lines === true) {
        this.#life.tell({ type: 'program.line', pid, stream, line } satisfies ProgramEvent)
      }
      if (this.#saysReady(pid, line, stream)) this.#becomeReady()
    })
    this.#readers.push(reader)
  }

  #becomeReady(): void {
    if (this.#life.ending.aborted) return
    this.#life.ready()
    // Later output is discarded.
    if (this.#program.lines !== true) for (const reader of this.#readers) reader.close()
  }

  #saysReady(pid: number, line: string, stream: OutputStream): boolean {
    const { ready } = this.#program
    if (ready === undefined || this.#life.isReady) return false
    try {
      // Unlike test(), search() remembers nothing from one line to the next.
      return ready instanceof RegExp ? line.search(ready) !== -1 : askUser(() => ready(line, stream))
    } catch (cause) {
      this.#giveUp(pid, {
        code: 'START_FAILED',
        why: 'cannot be asked whether it is ready',
        hint: 'Repair the function `ready`: it has thrown, or answered with a promise.',
        cause,
      })
      return false
    }
  }

  #giveUp(pid: number, failure: Explanation): void {
    if (this.#life.isReady || this.#life.ending.aborted) return
    this.#failure = failure
    this.#life.fail(errorAbout(this.#subject(pid), failure), 'terminate')
  }

  #subject(pid: number): Subject {
    return { kind: 'program', name: this.#name, pid }
  }

  #explain({ status: { code }, how, words, shortageHint }: ExitFacts): Explanation {
    const told = shortageHint ?? (words && `Its last words: ${words}`)
    if (this.#life.isReady) return { code: 'WORKER_CRASHED', why: `died: ${how}`, hint: told }
    const foreground = 'It has to stay in the foreground, and to say what `ready` waits for.'
    const hint = code === 0 ? foreground : told
    return { code: 'START_FAILED', why: `ended before it was ready: ${how}`, hint }
  }
}
