// The port of a worker: it is ready when it has opened its session and announced its tools. It tells how far its start
// has come in a boot report, prints through the relay, and is killed when it breaks the protocol or falls silent.
import { join } from 'node:path'
import {
  errorAbout,
  SPAWN_ARGUMENTS,
  shepherdFiles,
  type End,
  type Life,
  type AnyLogger,
  type OsProcess,
  type Port,
  type Runtime,
  type SpawnRequest,
} from '@terrarium/process'
import {
  messageOf,
  patientTimeout,
  TerrariumError,
  type ExitReason,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import { BootReport, SILENT } from './boot-report.ts'
import { explainLateness, explainWorkerExit, type Worker } from './failure.ts'
import { watchHeartbeat, type Heartbeat } from './heartbeat.ts'
import { DEFAULT_TRANSPORT, type ToolInfo, type Transport } from './frame.ts'
import type { OutputRelay, WorkerOutput } from './output.ts'
import type { Announcement } from './reception.ts'
import type { SessionServer } from './session-server.ts'
import { workerFiles } from './worker-files.ts'
import type { Session } from './session.ts'

/** How long the exit of a worker waits for the rest of its session, in ms. */
const LAST_ANSWERS_MS = 1_000

/** What one worker is, as plain data that an inspector can show. */
export interface WorkerInput {
  /** For people and logs, for example `text/worker-1`. */
  readonly name: string
  /** The path of the interpreter, see `resolveInterpreter`. */
  readonly python: string
  /** Where the tools are: absolute paths of files, and names of modules, which are also looked up in `cwd`. */
  readonly tools: readonly string[]
  /** Names of functions of these modules that are tools without `@tool`. Default: none. */
  readonly expose?: readonly string[] | undefined
  /** Added to the environment of the host. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default: that of the host. */
  readonly cwd?: string | undefined
  /** How long the worker may take to become ready once it runs, in ms. Default 30,000. */
  readonly startTimeout?: number | undefined
  /**
   * What carries calls: `socket` needs nothing but the interpreter, `grpc` is for workers that are generated from
   * `terrarium.v1`. Default `socket`.
   */
  readonly transport?: Transport | undefined
  /** Pings to an idle worker. `off`: a worker that no longer answers is not noticed. */
  readonly heartbeat?: Heartbeat | 'off' | undefined
  /** How long the worker may take to end in order before it is killed, in ms. Default 2,000. */
  readonly grace?: number | undefined
}

/** What all workers of a runtime are given. */
export interface WorkerDependencies {
  readonly runtime: Pick<Runtime, 'spawn'>
  readonly server: Pick<SessionServer, 'ensure' | 'expect' | 'path'>
  readonly logger: AnyLogger
  /** For heartbeats and the time that a start may take. */
  readonly clock: SupervisorClock
  /** Called with each line that the tools print. Default: the logger, stdout at `info` and stderr at `warn`. */
  readonly output?: ((output: WorkerOutput) => void) | undefined
}

export class SessionPort implements Port {
  readonly runtime: WorkerDependencies['runtime']
  readonly clock: SupervisorClock
  readonly startTimeout: number | undefined
  readonly grace: number | undefined
  readonly onStop = 'kill'
  readonly #input: WorkerInput
  readonly #server: WorkerDependencies['server']
  readonly #relay: OutputRelay
  readonly #life: Life
  /** Undefined until the worker is about to be spawned. */
  #announcement: Announcement | undefined
  /** The process has exited. */
  #isDead = false
  #process: OsProcess | undefined
  #report: BootReport | undefined
  /** Settles when everything that the worker has printed is told. */
  #printed: Promise<void> | undefined
  #session: Session | undefined
  #stopHeartbeat = (): void => undefined

  constructor(input: WorkerInput, { runtime, server, clock }: WorkerDependencies, relay: OutputRelay, life: Life) {
    this.runtime = runtime
    this.clock = clock
    this.startTimeout = input.startTimeout
    this.grace = input.grace
    this.#input = input
    this.#server = server
    this.#relay = relay
    this.#life = life
  }

  async request(): Promise<SpawnRequest> {
    const { name, python, tools, expose = [], env, cwd, transport = DEFAULT_TRANSPORT } = this.#input
    await this.#server.ensure()
    const accept = (session: Session): void => {
      this.#accept(session)
    }
    this.#announcement = this.#server.expect(accept, transport)
    const { token, begun } = this.#announcement
    const boot = JSON.stringify({ socket: this.#server.path, token, tools, expose, transport, begun })
    return {
      name,
      command: python,
      args: ['-u', join(workerFiles(), 'terrarium', '_boot.py'), SPAWN_ARGUMENTS, shepherdFiles()],
      env: { ...env, TERRARIUM_BOOT: boot },
      cwd,
      obeys: 'order',
    }
  }

  spawned(process: OsProcess): void {
    this.#process = process
    this.#report = new BootReport(process.report, (fault) => {
      this.#kill(`broke its boot report: ${fault}`, { fault })
    })
    this.#printed = this.#relay.relay(process, this.#input.name)
  }

  late(process: OsProcess, timeout: number): void {
    this.#life.fail(explainLateness({ ...this.#facts(process), timeout }), 'kill')
  }

  exited(): Promise<unknown> {
    this.#isDead = true
    return Promise.all([this.#report?.ended, this.#printed, this.#lastAnswers()])
  }

  conclude(end: End, reason: ExitReason | undefined): ExitReason {
    if (reason !== undefined) return reason
    if ('error' in end) return { type: 'error', error: this.#startError(end.error) }
    const { process, status } = end
    const facts = { ...this.#facts(process), ready: this.#life.isReady }
    return { type: 'error', error: explainWorkerExit(status, facts) }
  }

  close(): void {
    this.#session?.close()
    this.#announcement?.forget(this.#isDead)
  }

  /**
   * Resolves when the session has ended by itself: everything that the worker had written is received then. A process
   * that the worker has forked may hold its end open, so the wait is limited.
   */
  async #lastAnswers(): Promise<void> {
    const session = this.#session
    if (session === undefined || session.closed) return
    await new Promise<void>((resolve) => {
      const cancel = patientTimeout(this.clock, resolve, LAST_ANSWERS_MS)
      session.once('closed', () => {
        cancel()
        resolve()
      })
    })
  }

  #accept(session: Session): void {
    this.#session = session
    // The session may open before this host knows of the process, and it may break the protocol in the message
    // that says Ready. The session counts after both.
    session.once('ready', (tools) => {
      this.#life.whenSpawned(() => {
        if (!session.closed && !this.#life.ending.aborted) this.#becomeReady(session, tools)
      })
    })
    session.once('closed', (fault) => {
      this.#stopHeartbeat()
      if (fault === undefined) {
        this.#life.whenSpawned(() => {
          this.#life.silent()
        })
      } else this.#kill(`broke the protocol: ${fault}`, { fault })
    })
  }

  #becomeReady(session: Session, tools: readonly ToolInfo[]): void {
    const { heartbeat = {} } = this.#input
    if (heartbeat !== 'off') {
      this.#stopHeartbeat = watchHeartbeat(session, heartbeat, this.clock, () => {
        this.#kill('is idle and does not answer')
      })
    }
    this.#life.ready({ session, tools })
  }

  /** Kills the worker for what it does. */
  #kill(why: string, facts: object = {}): void {
    const code = this.#life.isReady ? 'WORKER_CRASHED' : 'START_FAILED'
    const subject = { kind: 'worker', name: this.#input.name, pid: this.#process?.pid } as const
    this.#life.fail(errorAbout(subject, { code, why, details: { signal: 'SIGKILL', ...facts } }), 'kill')
    this.#session?.close()
  }

  #startError(cause: unknown): TerrariumError {
    if (cause instanceof TerrariumError) return cause
    return new TerrariumError('START_FAILED', `worker ${this.#input.name} cannot start: ${messageOf(cause)}`, { cause })
  }

  #facts({ pid }: OsProcess): Worker {
    const { name, python } = this.#input
    return { name, pid, python, boot: this.#report?.progress ?? SILENT }
  }
}
