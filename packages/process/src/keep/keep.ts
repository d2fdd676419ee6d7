// `keep`: a program under a supervisor of its own, which starts it again when it exits.
import { basename } from 'node:path'
import { waitFor, type AnyActorRef } from 'xstate'
import {
  createSupervisor,
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
  SUPERVISOR_EVENTS,
  systemClock,
  TerrariumError,
  type Stoppable,
  type SupervisorClock,
} from '@terrarium/supervisor/base'
import type { BreakerOptions } from '@terrarium/supervisor/strategies'
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
  /** Default: an own runtime, which `stop()` closes. A runtime given here is left open. */
  readonly runtime?: Runtime | undefined
  /**
   * For an own runtime: an interpreter, or the folder of a virtual environment. Default: see
   * {@link resolveInterpreter}.
   */
  readonly python?: string | undefined
  /** The breaker of `@terrarium/supervisor`. It cannot be off: a program that can never start is started once. */
  readonly breaker?: BreakerOptions
}

/**
 * Listeners by event type: those of the program's supervisor (`child.*`, `supervisor.exit`), and those of each life of
 * the program (`program.*`).
 */
export type KeptEvents = SupervisorEvents & {
  [Event in ProgramEvent as Event['type']]: (event: Event) => void
}

/** A program that is started again when it exits. */
export interface Kept extends Stoppable {
  readonly name: string
  /** The pid of the present process; undefined: there is none. */
  readonly pid: number | undefined
  /** `running`: ready. `stopped`: for good. */
  readonly status: ChildState
  /**
   * The supervisor of the program, its one child, which has the name of the program: for `unpark(name)`,
   * `restartChild(name)` and the rest.
   */
  readonly supervisor: Supervisor
  /**
   * Resolves when the program is ready. Rejects with the reason when it is parked or has ended for good:
   * CONFIGURATION, START_FAILED, WORKER_CRASHED, STOPPED.
   */
  whenReady(): Promise<void>
  /**
   * Sends SIGTERM, and SIGKILL after the grace. Resolves when the death of the program and of its descendants is
   * proven, and an own runtime is closed. Errors: DEADLINE_EXCEEDED, with `details.left`, when a process resists its
   * end.
   */
  stop(): Promise<void>
  /**
   * Lets the host end by itself while the program runs; the program is stopped in order then, unless `process.exit()`
   * or a signal ends the host. `whenReady()` and `stop()` hold the host until they are settled. A given runtime is left
   * as it is.
   */
  unref(): this
  /** Takes back {@link unref}. */
  ref(): this
  /** Throws INVALID_ARGUMENT for an unknown event, with a similar name, and for a listener that is no function. */
  on<E extends keyof KeptEvents>(event: E, listener: KeptEvents[E]): this
  /** Throws as {@link on}. A listener that was never added is ignored. */
  off<E extends keyof KeptEvents>(event: E, listener: KeptEvents[E]): this
}

/**
 * Starts any external program and keeps it running: the program is restarted when it exits (`restart`, default
 * `permanent`), after delays, and parked when another start would only fail again. It ends with this host, whatever
 * ends the host.
 *
 * Throws INVALID_ARGUMENT, naming every mistake at once, before anything is started. Later errors are told by
 * `whenReady()`, by events and in the log.
 */
export function keep(command: string, args: readonly string[] = [], options: KeepOptions = {}): Kept {
  return new SupervisedProgram(command, args, options)
}

// Does not compile when an event is missing here.
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
  /** The present life of the program, or the last one. */
  #life: AnyActorRef | undefined
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
          shutdown: 'infinity', // the life keeps to its grace by itself
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

  /** The host has nothing left to do: an unreferenced program ends in order, too. */
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
    const spawn = snapshotOf(this.#life)?.spawnId
    // By a scan of the system.
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
      this.#life = event.ref
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

  /** Watches what keeps the program from starting: a change starts it again. */
  #watchFor(error: Error): void {
    this.#watch.stop() // it may watch for an earlier failure; what is parked by hand is not healed
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
