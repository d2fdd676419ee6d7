import type { Readable } from 'node:stream'
import { outlet, Tail, type Outlet } from './outlet.ts'

/** The host's ends of what connects it with a process, whoever has made them. */
export interface Ends {
  readonly stdout: Readable
  readonly stderr: Readable
  readonly report: Readable
}

const TAIL_BYTES = 4096
const DRAIN_MS = 500

/** What a process says, as its readers see it. */
export class Channels {
  readonly stdout: Readable
  readonly stderr: Readable
  readonly report: Readable
  readonly #outlets: readonly Outlet[]
  readonly #tail: Tail

  constructor({ stdout, stderr, report }: Ends) {
    this.#tail = new Tail(stderr, TAIL_BYTES)
    const outlets = [
      outlet(stdout, { discard: true }),
      outlet(stderr, { discard: true }),
      outlet(report, { discard: false }),
    ] as const
    this.stdout = outlets[0].stream
    this.stderr = outlets[1].stream
    this.report = outlets[2].stream
    this.#outlets = outlets
  }

  /** The last bytes of standard error. */
  get tail(): string {
    return this.#tail.toString()
  }

  /** The process has exited: what it has said last is read, but not for long. */
  finish(): void {
    for (const each of this.#outlets) each.finish(DRAIN_MS)
  }
}
