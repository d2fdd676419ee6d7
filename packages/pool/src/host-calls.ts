// Runs the functions of the host that tools call: their arguments are checked, they have a signal and a deadline, and
// each host call has one answer, however the function ends.
import { TerrariumError, type SupervisorClock } from '@terrarium/supervisor/base'
import type { HostCall, HostFailureCode } from '@terrarium/worker'
import type { PoolCoreEvent } from './core/event.ts'
import type { Slot } from './core/slot.ts'
import type { PoolState } from './core/state.ts'
import { RefusedArguments, type ExposedFunction, type HostContext, type HostFunctions } from './host-functions.ts'
import { runWithin, type Nesting } from './nesting.ts'
import { pending, type PendingCall } from './pending-call.ts'

export interface HostCallsDependencies {
  readonly functions: HostFunctions
  readonly clock: SupervisorClock
  readonly state: PoolState
  /** Lets the core decide what the event leads to. */
  readonly handle: (event: PoolCoreEvent) => void
}

export class HostCalls {
  readonly #dependencies: HostCallsDependencies
  readonly #open = new Map<PendingCall, Set<Running>>()

  constructor(dependencies: HostCallsDependencies) {
    this.#dependencies = dependencies
  }

  /** A tool of the slot's worker calls a function. */
  begin(slot: Slot, hostCall: HostCall): void {
    const call = callOf(slot, hostCall.call)
    if (call === undefined || call.overdue) {
      const message = 'the call has ended, and its host calls with it'
      hostCall.reject('CANCELLED', new TerrariumError('CANCELLED', message))
      return
    }
    const { functions, handle } = this.#dependencies
    const known = functions.get(hostCall.name)
    if (known === undefined) {
      hostCall.reject('TOOL_NOT_FOUND', notExposed(hostCall.name, functions.names))
      return
    }
    const running: Running = new Running(hostCall, call, slot, this.#dependencies, () => {
      const all = this.#open.get(call)
      all?.delete(running)
      if (all?.size === 0) this.#open.delete(call)
      if (!running.wasEnded) handle({ type: 'host.answered', call })
    })
    const all = this.#open.get(call)
    if (all === undefined) this.#open.set(call, new Set([running]))
    else all.add(running)
    handle({ type: 'host.called', call })
    running.run(known)
  }

  /** Nothing waits for the host calls of the call any more. */
  end(call: PendingCall, error: TerrariumError): void {
    const all = this.#open.get(call)
    this.#open.delete(call)
    for (const running of all ?? []) {
      running.wasEnded = true
      running.end(error)
    }
  }
}

/** The call that has this id in the session of the slot's worker. */
function callOf(slot: Slot, id: number): PendingCall | undefined {
  for (let call = slot.calls.first; call !== undefined; call = call.next) {
    const each = pending(call)
    if (each.sessionId === id) return each
  }
  return undefined
}

function notExposed(name: string, names: readonly string[]): TerrariumError {
  const known = names.length === 0 ? 'nothing is exposed' : `there is ${names.slice(0, 10).join(', ')}`
  const hint = 'Expose the function by pool.expose(name, fn) before a tool calls it.'
  return new TerrariumError('TOOL_NOT_FOUND', `no function is exposed as ${name}: ${known}`, { hint })
}

/** One host call whose function runs. */
class Running implements Nesting {
  readonly call: PendingCall
  readonly state: PoolState
  /** The core has ended it, and need not hear of its end. */
  wasEnded = false
  readonly #hostCall: HostCall
  readonly #worker: string
  readonly #clock: SupervisorClock
  readonly #ended: () => void
  /** When its own time is over, in ms of the clock. */
  readonly #due: number
  #timer: unknown
  #aborter: AbortController | undefined
  /** Why it was ended before its function had answered. */
  #reason: TerrariumError | undefined
  #isOver = false

  constructor(
    hostCall: HostCall,
    call: PendingCall,
    slot: Slot,
    { clock, state }: Pick<HostCallsDependencies, 'clock' | 'state'>,
    ended: () => void,
  ) {
    this.#hostCall = hostCall
    this.call = call
    this.state = state
    this.#worker = slot.id
    this.#clock = clock
    this.#ended = ended
    this.#due = hostCall.timeout === 0 ? Infinity : clock.now() + hostCall.timeout
  }

  get path(): readonly string[] {
    const { nested, tool } = this.call
    return [...(nested?.path ?? [tool]), `host ${this.#hostCall.name}`]
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Made when it is asked for first: most functions do not. */
  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController()
      if (this.#reason !== undefined) this.#aborter.abort(this.#reason)
    }
    return this.#aborter.signal
  }

  readonly deadline = (): number | undefined => {
    const due = Math.min(this.#due, this.call.deadline ?? Infinity)
    return due === Infinity ? undefined : Math.max(0, due - this.#clock.now())
  }

  run({ run, check }: ExposedFunction): void {
    const hostCall = this.#hostCall
    const { name, timeout, args } = hostCall
    hostCall.cancelled = () => {
      this.end(new TerrariumError('CANCELLED', `the tool does not wait for ${name} any more`))
    }
    if (timeout > 0) {
      this.#timer = this.#clock.setTimeout(() => {
        const details = { timeout }
        this.end(new TerrariumError('DEADLINE_EXCEEDED', `${name} took longer than ${timeout} ms`, { details }))
      }, timeout)
    }
    const context = this.#context()
    const invoke = (): unknown => {
      if (check === undefined) return run(args, context)
      const checked = check(args)
      return checked instanceof Promise ? checked.then((each: unknown) => run(each, context)) : run(checked, context)
    }
    let returned: unknown
    try {
      returned = runWithin(this, invoke)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (!isThenable(returned)) this.#answer(returned)
    else {
      Promise.resolve(returned).then(
        (value) => {
          this.#answer(value)
        },
        (error: unknown) => {
          this.#fail(error)
        },
      )
    }
  }

  /** Nothing waits for it any more: its signal is aborted. */
  end(error: TerrariumError): void {
    if (this.#isOver) return
    this.#reason = error
    this.#finish()
    this.#hostCall.reject(error.code === 'DEADLINE_EXCEEDED' ? error.code : 'CANCELLED', error)
    this.#aborter?.abort(error)
  }

  #context(): HostContext {
    const signal = (): AbortSignal => this.signal
    const { tool, attempts } = this.call
    return {
      get signal() {
        return signal()
      },
      deadline: this.deadline,
      call: { tool, attempt: attempts },
      worker: this.#worker,
    }
  }

  #answer(value: unknown): void {
    if (this.#hostCall.isStream) {
      void runWithin(this, () => this.#sendItems(value))
      return
    }
    if (!isIterator(value)) {
      if (this.#isOver) return
      this.#hostCall.resolve(value)
      this.#finish()
      return
    }
    void close(value)
    this.#refuse('is a generator: it has items, not one value', 'Call it by host.stream or host.astream.')
  }

  /** Never rejects. */
  async #sendItems(value: unknown): Promise<void> {
    const items = iteratorOf(value)
    if (items === undefined) {
      this.#refuse('has one value, and no items', 'Call it by host.call or host.acall.')
      return
    }
    try {
      let isWanted = true
      while (isWanted) {
        const next = await items.next()
        if (next.done === true) {
          this.#hostCall.resolve(null)
          this.#finish()
          return
        }
        isWanted = await this.#hostCall.item(await next.value)
      }
    } catch (error) {
      this.#fail(error)
      return
    }
    await close(items)
    this.#finish()
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    if (error instanceof RefusedArguments) this.#hostCall.reject('INVALID_ARGUMENT', error.why)
    else this.#hostCall.reject('PYTHON_ERROR', error)
    this.#finish()
  }

  #refuse(why: string, hint: string): void {
    const code: HostFailureCode = 'INVALID_ARGUMENT'
    this.#hostCall.reject(code, new TerrariumError(code, `${this.#hostCall.name} ${why}`, { hint }))
    this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#ended()
  }
}

type Items = AsyncIterator<unknown> | Iterator<unknown>

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as Partial<PromiseLike<unknown>>).then === 'function'

/** A generator, a stream: nothing that can be sent as one value. */
function isIterator(value: unknown): value is Items {
  if (typeof value !== 'object' || value === null) return false
  if (Symbol.asyncIterator in value) return true
  return Symbol.iterator in value && typeof (value as Partial<Items>).next === 'function'
}

function iteratorOf(value: unknown): Items | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = value as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >
  return asynchronous?.call(value) ?? synchronous?.call(value)
}

/** An iterator may throw when it is closed, which then concerns no tool. */
async function close(items: Partial<Items>): Promise<void> {
  try {
    await items.return?.()
  } catch {
    // its function has failed after its items were not wanted any more
  }
}
