// What can be asked of any pool, whether it is nested or has a handle: calls, and views of its workers.
import { randomUUID } from 'node:crypto'
import { Checker, messageOf, siteAbove, TerrariumError } from '@terrarium/supervisor/base'
import type { PoolAccess, PoolStats, PoolStatus, ToolDescription, ToolSession, ToolStream, WorkerInfo } from './api.ts'
import { encodeCall, readCall, streamRequestOf } from './call-request.ts'
import { callSite } from './call-site.ts'
import type { Slot } from './core/slot.ts'
import type { ExposeOptions, HostFunction } from './host-functions.ts'
import { mapCalls, type MapItems, type MapOptions } from './map.ts'
import { SessionUse } from './core/tool-session.ts'
import { withNesting } from './nesting.ts'
import { NO_OPTIONS, NO_STREAM_OPTIONS, type CallArguments, type CallOptions, type StreamOptions } from './options.ts'
import { ownSessionOptions } from './own-options.ts'
import { PendingCall, type Resolve } from './pending-call.ts'
import { SessionHandle } from './session-handle.ts'
import { NO_SESSION_OPTIONS, validateSession, type SessionOptions } from './session-options.ts'
import type { Shell } from './shell.ts'
import { statsOf } from './snapshot.ts'
import { StreamReader } from './tool-stream.ts'

/** Throws INVALID_ARGUMENT for a worker that the pool does not have. */
function slotOf({ state: { slots, settings } }: Shell, worker: string): Slot {
  const slot = slots.find(({ id }) => id === worker)
  if (slot !== undefined) return slot
  const known = slots.map(({ id }) => id)
  throw new TerrariumError('INVALID_ARGUMENT', `pool ${settings.pool} has no worker ${messageOf(worker)}`, {
    hint: `Name one of ${known.slice(0, 8).join(', ')}${known.length > 8 ? ', …' : ''}.`,
    details: { pool: settings.pool, worker },
  })
}

export class Access implements PoolAccess {
  readonly #shell: () => Shell

  /** `shell`: of the pool's present actor. */
  constructor(shell: () => Shell) {
    this.#shell = shell
  }

  get name(): string {
    return this.#shell().state.settings.pool
  }

  get status(): PoolStatus {
    return this.#shell().state.status
  }

  get paused(): boolean {
    return this.#shell().state.isPaused
  }

  get workers(): readonly WorkerInfo[] {
    return this.#shell().state.slots.map(({ id, occupant, parked, pid, inFlight }) => ({
      id,
      state: occupant === 'ready' ? 'ready' : parked === undefined ? 'down' : 'parked',
      pid,
      inFlight,
      error: parked,
    }))
  }

  get stats(): PoolStats {
    return statsOf(this.#shell().state)
  }

  get tools(): readonly ToolDescription[] {
    return this.#shell().state.tools.map(({ name, signature = '', doc = '', kind = '', batch = 0 }) => ({
      name,
      signature,
      doc,
      kind,
      batch,
    }))
  }

  // A property, so that it can be named as the function above which a call was made.
  readonly call = <T = unknown>(
    tool: string,
    args: CallArguments = {},
    options: CallOptions = NO_OPTIONS,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      const shell = this.#shell()
      const own = withNesting(tool, readCall(tool, args, options), shell.state)
      const sent = encodeCall(shell, tool, args, own)
      // From here on no code of the user's runs before the call is accounted for: a getter may have stopped this pool.
      shell.offer(new PendingCall(tool, sent, own, callSite(this.call), resolve as Resolve, reject))
    })

  // A property, for the same reason as `call`.
  readonly stream = <T = unknown>(
    tool: string,
    args: CallArguments = {},
    options: StreamOptions = NO_STREAM_OPTIONS,
  ): ToolStream<T> => {
    const shell = this.#shell()
    const plain = streamRequestOf(shell, tool, args, options)
    const request = { ...plain, options: withNesting(tool, plain.options, shell.state) }
    return new StreamReader<T>(() => this.#shell().streams, request, siteAbove(this.stream) ?? {})
  }

  session(id: string = randomUUID(), options: SessionOptions = NO_SESSION_OPTIONS): ToolSession {
    const own = ownSessionOptions(options)
    validateSession(id, own)
    return new SessionHandle(this.#shell, new SessionUse(id, own.affinity, own.ttl))
  }

  map<T = unknown>(
    tool: string,
    items: MapItems<CallArguments>,
    options: MapOptions = NO_OPTIONS,
  ): AsyncIterableIterator<T> {
    const { size, concurrency } = this.#shell().state.settings
    const call = (args: CallArguments, own: CallOptions): Promise<unknown> => this.call(tool, args, own)
    return mapCalls(tool, items, options, { call, width: 2 * size * concurrency }) as AsyncIterableIterator<T>
  }

  expose(name: string, run: HostFunction, options: ExposeOptions = {}): void {
    this.#shell().functions.expose(name, run, options)
  }

  pause(): void {
    this.#shell().post({ type: 'pool.pause' })
  }

  resume(): void {
    this.#shell().post({ type: 'pool.resume' })
  }

  // Asynchronous functions of their own, so that the stack of an error shows where they were called.
  async drain(): Promise<void> {
    await this.#shell().drain()
  }

  async reload(): Promise<void> {
    await this.#shell().reload()
  }

  async park(worker: string, why?: string): Promise<void> {
    const shell = this.#shell()
    const slot = slotOf(shell, worker)
    const check = new Checker()
    check.field({ why }, 'why', (value) => typeof value === 'string', 'a string')
    check.finish('park()')
    await shell.park(slot, why)
  }

  unpark(worker: string): void {
    const shell = this.#shell()
    const slot = slotOf(shell, worker)
    if (slot.parked === undefined) {
      const { pool } = shell.state.settings
      throw new TerrariumError('INVALID_ARGUMENT', `worker ${pool}/${worker} is not parked`, {
        details: { pool, worker },
      })
    }
    shell.post({ type: 'pool.unpark', slot })
  }

  kill(worker?: string): { readonly worker: string; readonly pid: number } | undefined {
    const shell = this.#shell()
    const named = worker === undefined ? undefined : slotOf(shell, worker)
    const slot = named ?? shell.state.slots.find(({ occupant, inFlight }) => occupant === 'ready' && inFlight > 0)
    return slot === undefined ? undefined : shell.kill(slot)
  }
}
