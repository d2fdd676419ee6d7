// The public interface of a pool: its events, its views, and the handle.
import type { ExitReason, Stoppable, TerrariumError } from '@terrarium/supervisor/base'
import type { ToolInfo, WorkerOutput } from '@terrarium/worker'
import type { AnyActorRef } from 'xstate'
import type { ExposeOptions, HostFunction } from './host-functions.ts'
import type { MapItems, MapOptions } from './map.ts'
import type { SessionEnd } from './core/tool-session.ts'
import type { CallArguments, CallOptions, StreamOptions } from './options.ts'
import type { SessionOptions } from './session-options.ts'

/**
 * `idle` → `starting` → `running` → `stopping` → `stopped`; `parked` while no worker can be started, back to
 * `running` once one can.
 */
export type PoolStatus = 'idle' | 'starting' | 'running' | 'parked' | 'stopping' | 'stopped'

export interface PoolEvents {
  'worker.start': (event: { worker: string; incarnation: number }) => void
  'worker.ready': (event: { worker: string; pid: number; tools: readonly ToolInfo[] }) => void
  'worker.exit': (event: { worker: string; pid: number | undefined; reason: ExitReason }) => void
  'worker.backoff': (event: { worker: string; delay: number; attempt: number }) => void
  'worker.parked': (event: { worker: string; error: TerrariumError }) => void
  'worker.unparked': (event: { worker: string }) => void
  /** A line that a tool has printed. Nothing comes after `stop()` has resolved. */
  'worker.output': (event: WorkerOutput) => void
  'call.retry': (event: { tool: string; attempts: number; worker: string }) => void
  /** The state of a session is gone with a worker that has died (`worker_died`) or was replaced (`worker_ended`). */
  'session.lost': (event: { session: string; worker: string; reason: SessionEnd }) => void
}

/** A tool, as its worker describes it. */
export interface ToolDescription {
  readonly name: string
  /** Parameters and result, `(text: str, limit: int = 10) -> list` for instance; empty if they are not known. */
  readonly signature: string
  /** The docstring; may be empty. */
  readonly doc: string
  /** `sync`, `async`, `class` or `builtin`; empty if the worker does not say. */
  readonly kind: string
  /** How many calls are one batch at most; 0: each call is on its own. */
  readonly batch: number
}

export interface WorkerInfo {
  readonly id: string
  readonly state: 'down' | 'ready' | 'parked'
  readonly pid: number | undefined
  readonly inFlight: number
  /** Why it is parked. */
  readonly error: TerrariumError | undefined
}

export interface PoolStats {
  readonly queued: number
  readonly inFlight: number
  /** Workers that are ready now. */
  readonly ready: number
  /** Workers started so far, restarts included. */
  readonly starts: number
  /** Workers that ended without being asked to. */
  readonly crashes: number
  /** Calls: `accepted` = `completed` + `failed` + those not settled yet. */
  readonly accepted: number
  readonly completed: number
  readonly failed: number
  readonly retried: number
  /** Sessions that are open, or lost and not restarted. */
  readonly sessions: number
}

export interface StopResult {
  /** Processes of this pool that are still alive, found by scanning the system: 0, or something is wrong. */
  readonly processesLeft: number
}

/**
 * The items of one run of a generator, in order; read them once, with `for await`. The run begins with the first
 * `next()`. `return()`, which leaving the loop calls, resolves when the generator is closed or its worker is dead.
 */
export interface ToolStream<T> extends AsyncIterableIterator<T, undefined> {
  [Symbol.asyncIterator](): this
  return(): Promise<IteratorReturnResult<undefined>>
}

/**
 * Calls that belong together, and run on one worker as long as it lives, so that tools can keep a state between them:
 * `terrarium.session()` in Python. It begins with its first call. `docs/calls.md` says more.
 */
export interface ToolSession extends AsyncDisposable {
  readonly id: string
  /**
   * As {@link PoolAccess.call}. Rejects also with WORKER_BUSY, SESSION_LIMIT, and SESSION_LOST when the state of a
   * strict session is gone: with each call until {@link restart}. `details.session` is the id, `details.reason` says
   * why.
   */
  call<T = unknown>(tool: string, args?: CallArguments, options?: CallOptions): Promise<T>
  /** As {@link PoolAccess.stream}; reads reject as {@link call} does. */
  stream<T = unknown>(tool: string, args?: CallArguments, options?: StreamOptions): ToolStream<T>
  /** The next call begins the session anew, without a state. Calls that were made before go on. */
  restart(): void
  /**
   * Takes no further call, and ends the session. Calls that were made before go on: resolves once they have ended and
   * the worker was told. Never rejects. Idempotent.
   */
  close(): Promise<void>
}

/** The calls of a pool, nested or not, and what can be seen of it. */
export interface PoolAccess {
  readonly name: string
  readonly status: PoolStatus
  /** Whether {@link pause} or {@link drain} keeps calls in the queue. */
  readonly paused: boolean
  readonly workers: readonly WorkerInfo[]
  readonly stats: PoolStats
  /** The tools of the worker that was ready last, in the order of definition; none before the first was ready. */
  readonly tools: readonly ToolDescription[]
  /**
   * Runs a tool with keyword arguments, or with positional ones in an array, and resolves with its value. Every call is
   * settled exactly once. `docs/values.md` says what arguments
   * and results may be. Leave Buffers and arrays of 64 KiB or more as they are until the call has settled: they are not
   * copied. Rejects with PYTHON_ERROR, TOOL_NOT_FOUND, INVALID_ARGUMENT, RESULT_NOT_SENDABLE, PAYLOAD_TOO_LARGE,
   * DEADLINE_EXCEEDED, QUEUE_TIMEOUT, CANCELLED, WORKER_CRASHED, POISON_CALL, POOL_SATURATED, DEADLOCK, PARKED or
   * STOPPED.
   * `details` of an accepted call's error has `tool`, `attempts`, `queueTime` and `runTime` in ms, and once
   * the call was with a worker also `worker` and `incarnation`.
   */
  call<T = unknown>(tool: string, args?: CallArguments, options?: CallOptions): Promise<T>
  /**
   * Runs a tool that is a generator, and hands out its items one by one. Throws INVALID_ARGUMENT or PAYLOAD_TOO_LARGE;
   * `next()` rejects with what {@link call} rejects with. The worker makes items ahead of the reader up to 256 KiB. An
   * error comes after the items that have arrived, except CANCELLED. A stream that has begun is never run again.
   * `details` of its errors has `items` too: how many have arrived. `docs/calls.md` says more.
   */
  stream<T = unknown>(tool: string, args?: CallArguments, options?: StreamOptions): ToolStream<T>
  /**
   * A handle of the session with this id. Default: a new one. Handles with the same id share a session, and must not
   * differ in their options. Throws INVALID_ARGUMENT, naming every mistake at once.
   */
  session(id?: string, options?: SessionOptions): ToolSession
  /**
   * Calls a tool for each item of an iterable, which are the arguments of each call, and gives the results. Lazy: it
   * takes items with the first read, and a further one for each result that was read, so that at most `concurrency`
   * items are under way. `break`, `return`, a throw and `signal` cancel the calls that are under way and close the
   * iterable by its `return()`. An error of one item rejects at its place, and ends the map in the same way. Throws
   * INVALID_ARGUMENT, naming every mistake in the options at once; reads reject as {@link call} does, and with what the
   * iterable throws.
   */
  map<T = unknown>(tool: string, items: MapItems<CallArguments>, options?: MapOptions): AsyncIterableIterator<T>
  /**
   * Lets tools call a function of this process: `host.call('price', sku='a')` of the Python package. Nothing else of
   * this process can be called. A nested pool keeps what is exposed when it is started again. Throws INVALID_ARGUMENT,
   * naming every mistake at once, and for a name that is exposed already. `docs/calls.md` says more.
   */
  expose(name: string, run: HostFunction, options?: ExposeOptions): void
  /**
   * Keeps calls in the queue, where deadlines and `queueLimit` hold as ever, until {@link resume}. Calls that a worker
   * has begun go on.
   */
  pause(): void
  /** Hands out the calls that wait. A {@link drain} that is not over rejects with CANCELLED. */
  resume(): void
  /**
   * Pauses, and resolves once no worker has a call any more. Calls in the queue stay there until {@link resume}.
   * Rejects with CANCELLED when the pool is resumed before. A pool that is stopped is drained.
   */
  drain(): Promise<void>
  /**
   * Replaces every worker by a new one, which imports the tools anew, without a pause: a spare worker is started first,
   * then one worker after the other finishes its calls, ends in order and is started again, and then the spare ends. At
   * no time are fewer workers ready than before. Calls that wait are handed to whatever worker is free. Resolves when
   * all workers have been replaced. Asked for while it goes on, it replaces all once more. Rejects
   * - as `start()` does if the spare cannot be started: then every worker is as it was
   * - with the reason when a later worker is parked: the workers that are left stay, and so does the spare, until as
   *   many as before are ready again
   * - with STOPPED if the pool does not run or is stopped meanwhile, and with INVALID_ARGUMENT while it starts
   */
  reload(): Promise<void>
  /**
   * Parks a worker by hand: it gets no call any more, finishes the calls that it has begun, ends in order, and none is
   * started in its place until {@link unpark}: no repair and no reload does. `why`, at most 200 characters, is told
   * by `explain()`, by the event `worker.parked` and by an observer. A pool whose workers are all parked rejects calls
   * with PARKED. Resolves when the worker is parked. Rejects with INVALID_ARGUMENT for a worker that this pool does
   * not have, while the pool starts, and during a {@link reload}; with STOPPED if the pool does not run or is stopped.
   */
  park(worker: string, why?: string): Promise<void>
  /**
   * Tries to start a worker in a slot that is parked, whatever it was parked for; events tell what comes of it.
   * Throws INVALID_ARGUMENT for a worker that is not parked, or that this pool does not have.
   */
  unpark(worker: string): void
  /**
   * SIGKILLs a worker (by default a busy worker), for drills. Returns its id and its process id, or undefined when it
   * has no process now. Throws INVALID_ARGUMENT for a worker that this pool does not have.
   */
  kill(worker?: string): { readonly worker: string; readonly pid: number } | undefined
}

/**
 * Many workers behind one call.
 *
 * ```ts
 * const pool = createPool({ name: 'text', tools: './tools.py', size: 4 })
 * await pool.start()
 * const counts = await pool.call('word_count', { text: 'a b a' }, { timeout: 5_000 })
 * await pool.stop()
 * ```
 */
export interface Pool extends PoolAccess, Stoppable {
  /** The pool's own actor, for inspection. Another one after a `start()` that could not open the pool. */
  readonly actor: AnyActorRef
  /**
   * Resolves when every worker is ready. Rejects with the reason as soon as one is parked: CONFIGURATION, or
   * START_FAILED after repeated failures. The pool heals a configuration failure by itself once its cause is gone;
   * call `stop()` to give up.
   */
  start(): Promise<void>
  /** Lets calls in flight finish, ends every worker and waits for proof. Idempotent. */
  stop(): Promise<StopResult>
  /**
   * Lets the host process end by itself while nothing is asked of this pool: `start()`, calls and `stop()` hold it
   * until they are settled. At its end the pool is stopped in order, unless `process.exit()` or a signal ends the
   * process: then the workers are killed.
   */
  unref(): this
  /** Takes back {@link unref}. */
  ref(): this
  /** Throws INVALID_ARGUMENT for an unknown event, with the name that was meant, and for what is no function. */
  on<E extends keyof PoolEvents>(event: E, listener: PoolEvents[E]): void
  /** Throws as {@link on}. A listener that does not listen is no mistake. */
  off<E extends keyof PoolEvents>(event: E, listener: PoolEvents[E]): void
}
