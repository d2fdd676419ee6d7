import { join } from 'node:path'
import {
  SPAWN_ARGUMENTS,
  pythonFiles,
  shepherdFiles,
  startTimer,
  type AnyLogger,
  type OsProcess,
  type Runtime,
} from '@terrarium/process'
import { messageOf, TerrariumError, type SupervisorClock } from '@terrarium/supervisor/base'
import { fromCallback, type CallbackActorLogic } from 'xstate'
import { BootReport } from './boot-report.ts'
import { explainExit, explainLateness } from './failure.ts'
import { watchHeartbeat, type Heartbeat } from './heartbeat.ts'
import { logOutput, OutputRelay, type WorkerOutput } from './output.ts'
import type { SessionServer } from './session-server.ts'
import type { Session, ToolInfo } from './session.ts'

/** What one worker is, in plain data: this is what an inspector shows. */
export interface WorkerInput {
  /** For people and logs, for example `text/worker-1`. */
  readonly name: string
  /** The interpreter's path, see `resolveInterpreter`. */
  readonly python: string
  /** What holds the tools: absolute paths of files, and names of modules, which are looked for from `cwd` on. */
  readonly tools: readonly string[]
  /** Added to the host's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default: the host's. */
  readonly cwd?: string | undefined
  /** How long the worker may take to become ready once it runs, in ms. Default 30,000. */
  readonly startTimeout?: number | undefined
  /** `off`: a worker that no longer answers is not noticed. */
  readonly heartbeat?: Heartbeat | 'off' | undefined
  /** How long it may take to end in order before it is killed, in ms. Default 2,000. */
  readonly grace?: number | undefined
}

/** What all workers of a runtime share. */
export interface WorkerSurroundings {
  readonly runtime: Runtime
  readonly server: SessionServer
  readonly logger: AnyLogger
  /** For heartbeats and the time that a start may take. */
  readonly clock: SupervisorClock
  /** Takes what the tools print. Default: the logger, stdout at `info` and stderr at `warn`. */
  readonly output?: ((output: WorkerOutput) => void) | undefined
}

const START_TIMEOUT = 30_000

export type DriverCommand = { readonly type: 'terminate'; readonly grace: number } | { readonly type: 'kill' }

export type DriverEvent =
  | { readonly type: 'worker.reserved'; readonly spawnId: string }
  | { readonly type: 'worker.spawned'; readonly pid: number }
  | { readonly type: 'worker.ready'; readonly session: Session; readonly tools: readonly ToolInfo[] }
  | { readonly type: 'worker.sessionLost' }
  /** It was not ready in time. */
  | { readonly type: 'worker.late'; readonly error: TerrariumError }
  /** It does not answer, or breaks the protocol. */
  | { readonly type: 'worker.kill'; readonly error: TerrariumError }
  /** The end. `error` is why, in case nobody asked for it. */
  | { readonly type: 'worker.exited'; readonly error: TerrariumError }

export type DriverLogic = CallbackActorLogic<DriverCommand, WorkerInput>

/** The folder with the Python package `terrarium`. Errors: CONFIGURATION. */
export function workerFiles(): string {
  return pythonFiles(import.meta.url, '@terrarium/worker', 'terrarium')
}

/**
 * The hands of the worker machine: reserves, spawns, listens, kills. It owns the process and the session, so that
 * they end with it however the machine ends (XState does not clean up after a machine that throws).
 */
export const driver = ({
  runtime,
  server,
  logger,
  clock,
  output = logOutput(logger),
}: WorkerSurroundings): DriverLogic => {
  const relay = new OutputRelay(output)
  return fromCallback(({ input, sendBack, receive }) => {
    const say = (event: DriverEvent): void => {
      sendBack(event)
    }
    const { name } = input
    let process: OsProcess | undefined
    let session: Session | undefined
    let ready = false
    let ending: DriverCommand | undefined
    let stopHeartbeat = (): void => undefined
    let cancelStartTimer = (): void => undefined
    /** Aborted when it is to end: it may still wait for its turn to start. */
    const asked = new AbortController()
    const { heartbeat = {}, startTimeout = START_TIMEOUT } = input

    /** Ends the worker for what it does. */
    const kill = (why: string, facts: object = {}): void => {
      const error = new TerrariumError(ready ? 'WORKER_CRASHED' : 'START_FAILED', `worker ${name} ${why}`, {
        details: { worker: name, pid: process?.pid, signal: 'SIGKILL', ...facts },
      })
      say({ type: 'worker.kill', error })
      session?.close()
    }
    const silent = (): void => {
      kill('is idle and does not answer')
    }

    // Its session and the news of its start come by ways of their own; nobody hears of the session before the start.
    let begun: Promise<unknown> = Promise.resolve()
    const afterwards = (work: () => void): void => {
      begun.then(work, () => undefined)
    }

    const { token, forget } = server.expect((opened) => {
      session = opened
      opened.once('ready', (tools) => {
        afterwards(() => {
          activate(opened, tools)
        })
      })
      opened.once('closed', (fault) => {
        stopHeartbeat()
        if (fault === undefined) {
          afterwards(() => {
            say({ type: 'worker.sessionLost' })
          })
        } else kill(`broke the protocol: ${fault}`, { fault })
      })
    })

    const activate = (opened: Session, tools: readonly ToolInfo[]): void => {
      if (opened.closed) return
      ready = true
      cancelStartTimer()
      void process?.activate()
      if (heartbeat !== 'off') stopHeartbeat = watchHeartbeat(opened, heartbeat, clock, silent)
      say({ type: 'worker.ready', session: opened, tools })
    }

    const end = (command: DriverCommand): void => {
      ending = command
      asked.abort()
      cancelStartTimer()
      if (command.type === 'kill') void process?.kill()
      else void process?.terminate({ grace: command.grace })
    }

    const run = async (): Promise<TerrariumError> => {
      await server.ensure()
      const beginning = runtime.spawn({
        name,
        command: input.python,
        args: ['-u', join(workerFiles(), 'terrarium', '_boot.py'), SPAWN_ARGUMENTS, shepherdFiles()],
        env: {
          ...input.env,
          TERRARIUM_BOOT: JSON.stringify({ socket: server.path, token, tools: input.tools }),
        },
        cwd: input.cwd,
        obeys: 'order',
        paced: true,
        signal: asked.signal,
        onReserved: (spawnId) => {
          say({ type: 'worker.reserved', spawnId })
        },
      })
      begun = beginning
      const spawned = await beginning
      process = spawned
      const report = new BootReport(spawned.report, (fault) => {
        kill(`broke its boot report: ${fault}`, { fault })
      })
      const told = relay.relay(spawned, name)
      if (ending === undefined) {
        say({ type: 'worker.spawned', pid: spawned.pid })
        const late = (): void => {
          const { pid } = spawned
          const { python } = input
          const error = explainLateness({ name, pid, python, boot: report.progress, timeout: startTimeout })
          say({ type: 'worker.late', error })
        }
        cancelStartTimer = startTimer(clock, spawned.pid, startTimeout, late)
      } else end(ending)

      const status = await spawned.exited
      if (!status.unkillable) await Promise.all([report.ended, told])
      return explainExit(status, {
        name,
        pid: spawned.pid,
        python: input.python,
        boot: report.progress,
        ready,
      })
    }

    run()
      .catch((cause: unknown) =>
        cause instanceof TerrariumError
          ? cause
          : new TerrariumError('START_FAILED', `worker ${name} cannot start: ${messageOf(cause)}`, { cause }),
      )
      .then((error) => {
        cancelStartTimer()
        forget()
        session?.close()
        say({ type: 'worker.exited', error })
      })
      .catch((err: unknown) => {
        logger.error({ worker: name, err }, 'the worker driver failed')
      })

    receive(end)
    return () => {
      end({ type: 'kill' })
      forget()
      session?.close()
    }
  })
}
