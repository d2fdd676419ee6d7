import type { Readable } from 'node:stream'
import { Outlet, Tail, type Flow } from './outlet.ts'

export const CHANNELS = ['stdout', 'stderr', 'report'] as const

export type Channel = (typeof CHANNELS)[number]

const TAIL_BYTES = 4096

/** What a process says, as its readers see it. */
export class Channels {
  readonly #outlets: Readonly<Record<Channel, Outlet>>
  readonly #tail = new Tail(TAIL_BYTES)

  /** Whoever makes them is asked for the flow of each, and calls `take` and `end`. */
  constructor(flowOf: (channel: Channel) => Flow) {
    this.#outlets = {
      stdout: new Outlet(flowOf('stdout'), { discard: true }),
      stderr: new Outlet(flowOf('stderr'), { discard: true }),
      report: new Outlet(flowOf('report'), { discard: false }),
    }
  }

  get stdout(): Readable {
    return this.#outlets.stdout.stream
  }

  get stderr(): Readable {
    return this.#outlets.stderr.stream
  }

  get report(): Readable {
    return this.#outlets.report.stream
  }

  /** The last bytes of standard error. */
  get tail(): string {
    return this.#tail.toString()
  }

  take(channel: Channel, chunk: Buffer): void {
    if (channel === 'stderr') this.#tail.take(chunk)
    this.#outlets[channel].take(chunk)
  }

  end(channel: Channel): void {
    this.#outlets[channel].end()
  }
}
