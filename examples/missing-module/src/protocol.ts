/** Prints every step with the time since the beginning, every claim with whether it held, and every time promised. */
export class Protocol {
  readonly #begun = performance.now()
  readonly #write: (line: string) => void
  #broken = 0
  #slow = 0

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  /** How many claims did not hold. */
  get broken(): number {
    return this.#broken
  }

  /** How many promised times were not kept. A machine that is busy may be the reason. */
  get slow(): number {
    return this.#slow
  }

  title(text: string): void {
    this.#write(`\n${text}`)
  }

  step(text: string): void {
    const seconds = (performance.now() - this.#begun) / 1000
    this.#write(`${seconds.toFixed(2).padStart(6)} s  ${text}`)
  }

  claim(text: string, holds: boolean): void {
    if (!holds) this.#broken += 1
    this.step(`${holds ? 'yes' : 'NO '}  ${text}`)
  }

  took(what: string, ms: number, promised: number): void {
    if (ms >= promised) this.#slow += 1
    this.step(`${ms < promised ? 'yes ' : 'slow'} ${what} after ${ms} ms, within ${promised}`)
  }
}
