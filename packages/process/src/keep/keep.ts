import { basename } from 'node:path'
import { waitFor, type AnyActorRef } from 'xstate'
import {
  createSupervisor,
  SUPERVISOR_EVENTS,
  type BreakerOptions,
  type ChildSpec,
  type ChildState,
  type Supervisor,
  type SupervisorEvent,
  type SupervisorEvents,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import {
  ASYNC_DISPOSE,
  GuardedClock,
  isTerrariumError,
  KeepAlive,
  Listeners,
  messageOf,
  ReferencedClock,
  reportOnce,
  systemClock,
  TerrariumError,
  type Stoppable,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import { EnvironmentWatch } from '../environment-watch.ts'
import { resolveInterpreter } from '../interpreter.ts'
import { guardLogger, type AnyLogger } from '../guarded-logger.ts'
import { checkKeep, ownKeep } from './program-options.ts'
import { fromProgram, type ProgramEvent, type ProgramOptions, type ProgramSnapshot } from './program.ts'
import { openRuntime, type Runtime, type RuntimeOptions } from '../runtime.ts'

export interface KeepOptions
  extends
    Omit<ProgramOptions, 'runtime'>,
    Pick<RuntimeOptions, 'stateDir' | 'logger' | 'containment'>,
    Pick<ChildSpec, 'restart' | 'onExhausted'>,
    Pick<SupervisorOptions, 'intensity' | 'period' | 'backoff' | 'classify' | 'clock' | 'inspect'> {
  /** Default: one of its own, which `stop()` closes. One that is given is left open. */
  readonly runtime?: Runtime | undefined
  /**
   * For a runtime of its own: an interpreter, or the folder of a virtual environment. Default: see
   * {@link resolveInterpreter}.
   */
  readonly python?: string | undefined
  /** Of `@terrarium/supervisor`; it cannot be off, so that a program that can never start is started once. */
  readonly breaker?: BreakerOptions
}

/**
 * Listeners by event type: what the program's supervisor tells (`child.*`, `supervisor.exit`), and what each run does.
 */
export type KeptEvents = SupervisorEvents & {
  [Event in ProgramEvent as Event['type']]: (event: Event) => void
}

/** A program that is started again when it ends. */
export interface Kept extends Stoppable {
  readonly name: string
  /** Of the process that runs now. */
  readonly pid: number | undefined
  /** `running`: ready. `stopped`: for good. */
  readonly status: ChildState
  /**
   * Its supervisor, whose one child is called as the program: for `unpark(name)`, `restartChild(name)` and the rest.
   */
  readonly supervisor: Supervisor
  /**
   * Resolves when it is ready, at once if it is. Rejects with the reason when it is parked or over: CONFIGURATION,
   * START_FAILED, WORKER_CRASHED, STOPPED.
   */
  whenReady(): Promise<void>
  /**
   * SIGTERM, the grace, SIGKILL to its group. Resolves when the death of the program and of all it has started is
   * proven, and a runtime of its own is closed. Errors: DEADLINE_EXCEEDED, with `details.left`, when something resists
   * its end.
   */
  stop(): Promise<void>
  /**
   * Lets the host process end by itself while the program runs; it is stopped in order then, unless `process.exit()` or
   * a signal ends the process. `whenReady()` and `stop()` hold the process until they are settled. A runtime that is
   * given is left as it is.
   */
  unref(): this
  /** Takes back {@link unref}. */
  ref(): this
  /** Throws INVALID_ARGUMENT for an unknown event, with the name that was meant, and for what is no function. */
  on<E extends keyof KeptEvents>(event: E, listener: KeptEvents[E]): this
  /** Throws as {@link on}. A listener that does not listen is no mistake. */
  off<E extends keyof KeptEvents>(event: E, listener: KeptEvents[E]): this
}

/**
 * Starts any external program and keeps it running: it is restarted when it ends (`restart`, default `permanent`),
 * after delays, and parked when starting it once more would only fail once more. It ends with this host, whatever ends
 * the host.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once, before anything is started. Whatever happens later is told by
 * `whenReady()`, by events and in the log.
 */
export function keep(command: string, args: readonly string[] = [], options: KeepOptions = {}): Kept {
  return new SupervisedProgram(command, args, options)
}

// An event that is missing here does not compile.
const EVENTS: Readonly<Record<keyof KeptEvents, true>> = {
  ...SUPERVISOR_EVENTS,
  'program.start': true,
  'program.ready': true,
  'program.held': true,
  'program.line': true,
}

class SupervisedProgram implements Kept {
  readonly name: string
  readonly supervisor: Supervisor
  readonly #listeners = new Listeners<KeptEvents>(EVENTS, (event, err) => {
    this.#logger.error({ err }, `a listener for ${event} failed`)
  })
  readonly #logger: AnyLogger
  readonly #options: KeepOptions
  #own: Promise<Runtime> | undefined
  /** The present run, or the last one. */
  #run: AnyActorRef | undefined
  #lastError: Error | undefined
  #isOver = false
  #stopping: Promise<void> | undefined
  readonly #clock: ReferencedClock
  readonly #keepAlive = new KeepAlive()
  #isReferenced = true
  readonly #watch: EnvironmentWatch

  constructor(command: string, givenArgs: readonly string[], givenOptions: KeepOptions) {
    const [args, options] = ownKeep(givenArgs, givenOptions)
    checkKeep(command, args, options)
    const {
      runtime: _runtime,
      python: _python,
      stateDir: _stateDir,
      containment: _containment,
      logger,
      ...rest
    } = options
    const { name: given, env, cwd, ready, startTimeout, grace, lines, ...supervision } = rest
    const name = given || basename(command)
    const { restart = 'permanent', onExhausted = 'park', clock, ...supervisorOptions } = supervision
    const program = { name, env, cwd, ready, startTimeout, grace, lines }
    this.name = name
    this.#options = options
    this.#logger = guardLogger(logger, { program: name })
    this.#clock = new ReferencedClock(clock === undefined ? systemClock : this.#guarded(clock))
    this.supervisor = createSupervisor({
      ...supervisorOptions,
      clock: this.#clock,
      onFault: (what, err) => {
        this.#logger.error({ err }, what)
      },
      id: name,
      autoShutdown: restart === 'permanent' ? 'never' : 'any_significant',
      children: [
        {
          id: name,
          logic: async () => fromProgram(command, args, { ...program, runtime: await this.#runtime() }),
          restart,
          onExhausted,
          significant: restart !== 'permanent',
          shutdown: 'infinity', // a run knows itself how long to wait
          awaitReady: false,
        },
      ],
    })
    this.#watch = new EnvironmentWatch({
      clock: this.#clock,
      changed: () => {
        this.#heal()
      },
      onError: (err) => {
        this.#logger.error({ err }, 'the watch of the environment failed')
      },
      probes: false,
    })
    this.supervisor.ref.on('*', (event) => {
      this.#heed(event)
    })
    this.supervisor.start().catch(() => undefined) // told by supervisor.exit
  }

  get pid(): number | undefined {
    return snapshotOf(this.supervisor.children[0]?.ref)?.pid
  }

  get status(): ChildState {
    if (this.#stopping !== undefined) return this.#isOver ? 'stopped' : 'stopping'
    return this.supervisor.children[0]?.state ?? 'stopped'
  }

  whenReady(): Promise<void> {
    return this.#keepAlive.during(this.#whenReady())
  }

  async #whenReady(): Promise<void> {
    const { ref } = this.supervisor
    await waitFor(ref, () => ['running', 'parked'].includes(this.status)).catch(() => undefined) // it has ended
    if (this.status === 'running') return
    throw this.#lastError ?? new TerrariumError('STOPPED', `program ${this.name} was stopped or has ended`)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#keepAlive.during(
      this.#stop().finally(() => {
        this.#isOver = true
        process.off('beforeExit', this.#stopAtEnd)
      }),
    )
    return this.#stopping
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.stop()
  }

  unref(): this {
    return this.#setReferenced(false)
  }

  ref(): this {
    return this.#setReferenced(true)
  }

  #setReferenced(isReferenced: boolean): this {
    this.#isReferenced = isReferenced
    this.supervisor.unref(!isReferenced)
    const runtime = this.#own?.then((own) => {
      refer(own, this.#isReferenced)
    })
    runtime?.catch(() => undefined) // why it was not opened has been told
    for (const each of [this.#clock, this.#keepAlive]) refer(each, isReferenced)
    process.off('beforeExit', this.#stopAtEnd)
    if (!isReferenced && !this.#isOver) process.once('beforeExit', this.#stopAtEnd)
    return this
  }

  /** Nothing is left to do in this process: what an unreferenced program has started ends in order, too. */
  readonly #stopAtEnd = (): void => {
    this.stop().catch((err: unknown) => {
      this.#logger.error({ err }, 'the program is not proven dead')
    })
  }

  on<E extends keyof KeptEvents>(event: E, listener: KeptEvents[E]): this {
    this.#listeners.on(event, listener)
    return this
  }

  off<E extends keyof KeptEvents>(event: E, listener: KeptEvents[E]): this {
    this.#listeners.off(event, listener)
    return this
  }

  async #stop(): Promise<void> {
    this.#watch.stop()
    await this.supervisor.stop()
    const own = await this.#own?.catch(() => undefined) // why it was not opened has been told
    const closed = await own?.close()
    const spawn = snapshotOf(this.#run)?.spawnId
    // The system itself is asked.
    const left = closed?.left ?? this.#options.runtime?.census().filter((each) => each.spawn === spawn) ?? []
    if (left.length === 0) return
    throw new TerrariumError('DEADLINE_EXCEEDED', `${left.length} processes of program ${this.name} resist their end`, {
      hint: 'The kernel holds them, or they belong to another user. The next runtime of this installation looks again.',
      details: { program: this.name, left },
    })
  }

  #runtime(): Promise<Runtime> {
    const { runtime, python, stateDir, logger, containment } = this.#options
    if (runtime !== undefined) return Promise.resolve(runtime)
    this.#own ??= resolveInterpreter(python)
      .then((interpreter) => {
        this.#logger.debug(interpreter, 'the interpreter of the shepherd')
        return openRuntime({ python: interpreter.path, stateDir, logger, containment })
      })
      .then((own) => refer(own, this.#isReferenced))
      .catch((error: unknown) => {
        this.#own = undefined // so that the next start tries again
        throw error
      })
    return this.#own
  }

  #guarded(clock: SupervisorClock): SupervisorClock {
    const report = reportOnce((what, err) => {
      this.#logger.error({ err }, what)
    })
    return new GuardedClock(clock, (method, error) => {
      report(`clock.${method}() of program ${this.name} failed`, error)
    })
  }

  #heed(event: SupervisorEvent): void {
    if (event.type === 'child.start') {
      this.#run = event.ref
      event.ref.on('*', (told: ProgramEvent) => {
        this.#listeners.tell(told.type, told)
      })
    } else if (event.type === 'child.exit') {
      this.#lastError = event.reason.type === 'error' ? (event.reason.error as Error) : undefined
      if (event.reason.type === 'error') this.#logger.warn(factsOf(this.#lastError), messageOf(this.#lastError))
    } else if (event.type === 'child.parked') {
      this.#lastError = event.failure.error as Error
      this.#logger.error(factsOf(this.#lastError), `parked: ${messageOf(this.#lastError)}`)
      this.#watchFor(this.#lastError)
    } else if (event.type === 'child.ready') {
      this.#watch.stop()
    } else if (event.type === 'supervisor.exit') {
      if (event.reason.type === 'error') this.#lastError = event.reason.error as Error
      this.stop().catch((err: unknown) => {
        this.#logger.error({ err }, 'the program has ended, but is not proven dead')
      })
    }
    this.#listeners.tell(event.type, event)
  }

  /** It is started again when what keeps it from starting has changed, and only then. */
  #watchFor(error: Error): void {
    const paths: unknown = isTerrariumError(error) ? error.details.watch : undefined
    if (this.#stopping === undefined && Array.isArray(paths)) this.#watch.watch(paths as string[])
  }

  #heal(): void {
    this.#watch.stop()
    this.supervisor.unpark(this.name).catch((err: unknown) => {
      if (this.#stopping === undefined) this.#logger.error({ err }, 'cannot unpark')
    })
  }
}

function refer<T extends { ref(): unknown; unref(): unknown }>(it: T, isReferenced: boolean): T {
  if (isReferenced) it.ref()
  else it.unref()
  return it
}

function factsOf(error: unknown): object {
  return isTerrariumError(error) ? { code: error.code, hint: error.hint } : {}
}

function snapshotOf(ref: AnyActorRef | undefined): ProgramSnapshot | undefined {
  return ref?.getSnapshot() as ProgramSnapshot | undefined
}
