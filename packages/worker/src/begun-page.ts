// The page of begun calls: a file that host and worker share, in which the worker notes each call just before its tool
// is entered. What is noted survives a SIGKILL of the worker, so the host knows which calls may be run elsewhere.
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { TerrariumError } from '@terrarium/supervisor/base'

/** The number of words, of 32 bits each. The word of a call is its id modulo this number. */
export const BEGUN_WORDS = 4_096
const PAGE_BYTES = BEGUN_WORDS * 4

/** Error codes for a shortage that may pass. */
const SHORTAGES: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT'])

/** What a session asks once its worker is dead. */
export interface BegunCalls {
  /** False if the call had certainly not begun. */
  readonly mayHaveBegun: (id: number) => boolean
}

/** The host's end of the page of one worker. */
export class BegunPage implements BegunCalls {
  readonly path: string
  #descriptor: number | undefined
  #hasName = true
  /** The last contents, once the worker is dead. */
  #words: Uint32Array | undefined

  /**
   * Makes the file. Errors: START_FAILED when the system is short of something, CONFIGURATION when the file cannot be
   * made.
   */
  constructor(path: string) {
    this.path = path
    try {
      this.#descriptor = openSync(path, 'wx+', 0o600)
      // Written and not just made longer: a worker that maps a page without room on the disk dies of SIGBUS.
      const written = writeSync(this.#descriptor, Buffer.alloc(PAGE_BYTES), 0, PAGE_BYTES, 0)
      if (written < PAGE_BYTES) throw Object.assign(new Error('no space is left'), { code: 'ENOSPC' })
    } catch (cause) {
      this.close(false)
      const { code, message } = cause as NodeJS.ErrnoException
      const kind = SHORTAGES.has(code) ? 'START_FAILED' : 'CONFIGURATION'
      throw new TerrariumError(kind, `cannot make the page of begun calls ${path}: ${message}`, { cause })
    }
  }

  /** Removes the name of the file: the worker has opened it, or never will. */
  unlink(): void {
    if (!this.#hasName) return
    this.#hasName = false
    try {
      unlinkSync(this.path)
    } catch {
      // Removed already, with its folder or by a clean-up.
    }
  }

  /** Closes the file. `isDead`: the worker writes no more, so the page is read for the last time. Idempotent. */
  close(isDead: boolean): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    this.unlink()
    const words = new Uint32Array(BEGUN_WORDS)
    try {
      if (isDead && readSync(descriptor, words, 0, PAGE_BYTES, 0) === PAGE_BYTES) this.#words = words
    } catch {
      // A page that cannot be read tells nothing, so every call that was sent counts as begun.
    } finally {
      closeSync(descriptor)
    }
  }

  mayHaveBegun(id: number): boolean {
    return this.#words === undefined || this.#words[id % BEGUN_WORDS] === id
  }
}
