// The workers that are in the slots of a pool now: their actors and their sessions.
import { TerrariumError } from '@terrarium/supervisor/base'
import type { CallOutcome, Session, TakeItem, WorkerRef } from '@terrarium/worker'
import type { Call } from './core/call.ts'
import type { Slot } from './core/slot.ts'
import type { HostCalls } from './host-calls.ts'
import { pending, type PendingCall, type TakesOutcomes } from './pending-call.ts'
import { PendingStream } from './pending-stream.ts'
import type { Streams } from './streams.ts'

/** The error is not told to any call: the core decides what each of them is told. */
const GONE = new TerrariumError('WORKER_CRASHED', 'the worker is gone')

/** The connection of one slot with its present worker. */
class Connection {
  ref: WorkerRef | undefined
  session: Session | undefined
}

export class Slots implements TakesOutcomes {
  readonly #connections = new Map<Slot, Connection>()
  readonly #answered: (call: PendingCall, outcome: CallOutcome) => void
  readonly #streams: Pick<Streams, 'arrived'>
  readonly #hostCalls: Pick<HostCalls, 'begin'>
  /** While a session is abandoned: the calls that its worker has not begun. */
  #unbegun: Set<Call> | undefined

  /** `answered` is called once for each call that was sent, unless its worker is taken out before. */
  constructor(
    answered: (call: PendingCall, outcome: CallOutcome) => void,
    streams: Pick<Streams, 'arrived'>,
    hostCalls: Pick<HostCalls, 'begin'>,
  ) {
    this.#answered = answered
    this.#streams = streams
    this.#hostCalls = hostCalls
  }

  /** A worker is being started in the slot. */
  occupy(slot: Slot, ref: WorkerRef): void {
    const connection = this.#of(slot)
    connection.ref = ref
    connection.session = undefined
  }

  /** The slot's worker has a session. `lost` is called when the session is closed. */
  connect(slot: Slot, session: Session, lost: () => void): void {
    this.#of(slot).session = session
    session.once('closed', lost)
    session.hostCalls.serve = (hostCall) => {
      this.#hostCalls.begin(slot, hostCall)
    }
  }

  send(call: PendingCall, slot: Slot, timeLeft: number): void {
    call.sessionId = 0
    const { session } = this.#of(slot)
    if (session === undefined || session.closed) return // its worker is about to be taken out
    try {
      call.sender = this
      const { tool, args, stream } = call
      const extras = call.hasExtras
        ? { session: call.sessionNumber, progress: call.progress?.take, feeds: call.feeds }
        : undefined
      call.sessionId =
        stream === undefined
          ? session.call(tool, args, timeLeft, call, extras)
          : session.stream(tool, args, timeLeft, this.#taker(call), call, extras)
    } catch (error) {
      this.#answered(call, { error: error as TerrariumError, notBegun: true })
    }
  }

  take(call: PendingCall, outcome: CallOutcome): void {
    if (this.#unbegun === undefined) this.#answered(call, outcome)
    else if ('error' in outcome && outcome.notBegun) this.#unbegun.add(call)
  }

  /** Hands the items of a stream on. */
  #taker(call: PendingCall): TakeItem {
    if (!(call instanceof PendingStream)) throw new TypeError('a stream that the shell has not made')
    return (value, bytes) => {
      this.#streams.arrived(call, value, bytes)
    }
  }

  credit(call: PendingCall, slot: Slot, bytes: number): void {
    if (call.sessionId !== 0) this.#of(slot).session?.credit(call.sessionId, bytes)
  }

  cancel(call: PendingCall, slot: Slot, unlessBegun: boolean): void {
    if (call.sessionId !== 0) this.#of(slot).session?.cancel(call.sessionId, { unlessBegun })
  }

  openSession(slot: Slot, number: number, id: string): void {
    this.#of(slot).session?.openSession(number, id)
  }

  closeSession(slot: Slot, number: number): void {
    this.#of(slot).session?.closeSession(number)
  }

  kill(slot: Slot, error: TerrariumError): void {
    this.#of(slot).ref?.send({ type: 'worker.kill', error })
  }

  /** Takes the worker that is gone out of the slot. Returns its calls that the worker had certainly not begun. */
  empty(slot: Slot): ReadonlySet<Call> {
    const { session } = this.#of(slot)
    this.#of(slot).session = undefined
    const unbegun = new Set<Call>()
    for (let call = slot.calls.first; call !== undefined; call = call.next) {
      if (pending(call).sessionId === 0) unbegun.add(call)
    }
    this.#unbegun = unbegun
    session?.abandon(GONE)
    this.#unbegun = undefined
    return unbegun
  }

  /** The slot is given up. */
  forget(slot: Slot): void {
    this.#connections.delete(slot)
  }

  #of(slot: Slot): Connection {
    let connection = this.#connections.get(slot)
    if (connection === undefined) this.#connections.set(slot, (connection = new Connection()))
    return connection
  }
}
