// The resident memory of a process, read from the system only now and then.
import { readFileSync } from 'node:fs'

/** Time between two reads, in ms. */
const EVERY = 2_000

export class MemoryReader {
  #pid = 0
  #at = 0
  #bytes: number | undefined

  /** In bytes, at most 2 s old; undefined where the system does not say. */
  of(pid: number, now: number): number | undefined {
    if (pid === this.#pid && now - this.#at < EVERY) return this.#bytes
    this.#pid = pid
    this.#at = now
    this.#bytes = read(pid)
    return this.#bytes
  }
}

function read(pid: number): number | undefined {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
  } catch {
    return undefined // it has exited, or this system has no /proc
  }
}
