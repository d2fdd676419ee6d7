// The worker's end of a session without a socket: numbers, acknowledgements and batches as in `session.proto`. Each
// message goes over in a microtask, so on a virtual clock everything that follows from an event has happened before the
// next timer.
import { Session, type HostMessage, type ValueCodec, type WorkerFrame } from '@terrarium/worker'
import { messageOf } from '@terrarium/supervisor/base'

export interface WorkerLinkDependencies {
  readonly pid: number
  readonly codec: ValueCodec
  /** Takes what the host says, in order. */
  readonly heard: (frames: HostMessage['frames']) => void
  /** The host has closed the session. */
  readonly closed: () => void
}

export class WorkerLink {
  /** The host's end. */
  readonly session: Session
  readonly #dependencies: WorkerLinkDependencies
  #outbox: WorkerFrame[] = []
  #sent = 0
  #acknowledged = 0
  #received = 0
  #owesAcknowledgement = false
  /** What came while the worker hung. */
  readonly #kept: HostMessage[] = []
  #hangs = false
  #isClosed = false
  #isFlushing = false

  constructor(dependencies: WorkerLinkDependencies) {
    const { pid, codec, closed } = dependencies
    this.#dependencies = dependencies
    const stream = {
      write: (message: HostMessage): void => {
        queueMicrotask(() => {
          this.#take(message)
        })
      },
      end: (): void => {
        if (this.#isClosed) return
        this.#isClosed = true
        queueMicrotask(closed)
      },
    }
    this.session = new Session(stream, pid, codec, queueMicrotask)
  }

  /** Whether everything that was said has arrived. */
  get isDone(): boolean {
    return this.#isClosed || (this.#outbox.length === 0 && this.#acknowledged === this.#sent)
  }

  say(frame: WorkerFrame): void {
    this.#outbox.push(frame)
    this.#flushSoon()
  }

  /** While it hangs, nothing is heard and nothing is said. */
  setHanging(hangs: boolean): void {
    this.#hangs = hangs
    if (hangs) return
    for (const message of this.#kept.splice(0)) this.#take(message)
    this.#flushSoon()
  }

  /** The worker is gone. */
  close(): void {
    this.#isClosed = true
    this.session.close()
  }

  #take(message: HostMessage): void {
    if (this.#isClosed) return
    if (this.#hangs) {
      this.#kept.push(message)
      return
    }
    const { seq, ack, frames } = message
    this.#acknowledged = ack
    if (seq > 0) {
      this.#received = seq
      this.#owesAcknowledgement = true
      this.#dependencies.heard(frames)
    }
    this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    queueMicrotask(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#isClosed || this.#hangs) return
    const mayBatch = this.#outbox.length > 0 && this.#acknowledged === this.#sent
    if (!mayBatch && !this.#owesAcknowledgement) return
    const frames = mayBatch ? this.#outbox.splice(0) : []
    if (mayBatch) this.#sent += 1
    this.#owesAcknowledgement = false
    try {
      this.session.receive({ seq: mayBatch ? this.#sent : 0, ack: this.#received, frames })
    } catch (error) {
      this.session.close(messageOf(error)) // as the server does when a worker breaks the protocol
    }
  }
}
