// The worker's end of a session without a socket. Each frame goes over in a microtask, so on a virtual clock everything
// that follows from an event has happened before the next timer.
import { BEGUN_WORDS, Session, type HostFrame, type ValueCodec, type WorkerFrame } from '@terrarium/worker'
import { messageOf } from '@terrarium/supervisor/base'

export interface WorkerLinkDependencies {
  readonly pid: number
  readonly codec: ValueCodec
  /** Takes what the host says, in order. */
  readonly heard: (frame: HostFrame) => void
  /** The host has closed the session. */
  readonly closed: () => void
}

export class WorkerLink {
  /** The host's end. */
  readonly session: Session
  /** What takes the place of the page of begun calls. */
  readonly #begun = new Uint32Array(BEGUN_WORDS)
  /** What was said and has not arrived. */
  #underWay = 0
  #arrived = 0
  /** What waits while the worker hangs, in both directions. */
  readonly #held: (() => void)[] = []
  #hangs = false
  #isClosed = false

  constructor({ pid, codec, heard, closed }: WorkerLinkDependencies) {
    const arrived = (): number => this.#arrived
    const carrier = {
      send: (frame: HostFrame): void => {
        queueMicrotask(() => {
          this.#unlessHanging(() => {
            heard(frame)
          })
        })
      },
      end: (): void => {
        if (this.#isClosed) return
        this.#isClosed = true
        queueMicrotask(closed)
      },
      get received() {
        return arrived()
      },
      unsent: () => new Set<number>(), // the page tells it all
    }
    const mayHaveBegun = (id: number): boolean => this.#begun[id % BEGUN_WORDS] === id
    this.session = new Session({ carrier, pid, codec, begun: { mayHaveBegun } })
  }

  /** Whether everything that was said has arrived. */
  get isDone(): boolean {
    return this.#isClosed || this.#underWay === 0
  }

  /** Notes that the tool of a call is entered. */
  begin(id: number): void {
    this.#begun[id % BEGUN_WORDS] = id
  }

  say(frame: WorkerFrame): void {
    this.#underWay += 1
    queueMicrotask(() => {
      this.#unlessHanging(() => {
        this.#arrive(frame)
      })
    })
  }

  /** While it hangs, nothing is heard and nothing is said. */
  setHanging(hangs: boolean): void {
    this.#hangs = hangs
    if (!hangs) for (const go of this.#held.splice(0)) this.#unlessHanging(go)
  }

  /** The worker is gone. */
  close(): void {
    this.#isClosed = true
    this.session.close()
  }

  #unlessHanging(go: () => void): void {
    if (this.#isClosed) return
    if (this.#hangs) this.#held.push(go)
    else go()
  }

  #arrive(frame: WorkerFrame): void {
    this.#underWay -= 1
    this.#arrived += 1
    try {
      this.session.receive(frame)
    } catch (error) {
      this.session.close(messageOf(error)) // as the server does when a worker breaks the protocol
    }
  }
}
