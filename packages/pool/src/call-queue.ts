import type { PendingCall } from './call.ts'

/**
 * Calls in order of arrival; one that is cancelled leaves in O(1). A linked list through the calls themselves. A Set
 * would do, but for what `CallTable` of @terrarium/worker says about tables that are replaced all the time; for the
 * same reason a call that leaves lets go of its neighbours.
 */
export class CallQueue {
  #first: PendingCall | undefined
  #last: PendingCall | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): PendingCall | undefined {
    return this.#first
  }

  add(call: PendingCall): void {
    call.queue = this
    call.previous = this.#last
    if (this.#last === undefined) this.#first = call
    else this.#last.next = call
    this.#last = call
    this.#size += 1
  }

  delete(call: PendingCall): void {
    const { previous, next } = call
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    call.queue = call.previous = call.next = undefined
    this.#size -= 1
  }

  /** Removes and answers all. */
  takeAll(): PendingCall[] {
    const calls = []
    for (let call = this.#first; call !== undefined; call = this.#first) {
      this.delete(call)
      calls.push(call)
    }
    return calls
  }
}
