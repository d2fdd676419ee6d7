/** Lets one through per turn of the event loop: starting a process blocks it for milliseconds, and a hundred at once for seconds. */
export class Turnstile {
  #last: Promise<void> = Promise.resolve()

  pass(): Promise<void> {
    this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve)))
    return this.#last
  }
}
