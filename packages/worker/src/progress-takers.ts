// The open calls of one session whose callers want to hear how far they have come.
import type { ProgressFrame } from './frame.ts'
import { cut } from './tool-list.ts'

/** How far a call has come, as its tool says by `terrarium.progress()`. */
export interface Progress {
  /** How much is done, in the unit of the tool; undefined: the tool does not say. */
  readonly done: number | undefined
  /** How much there is to do, in the same unit; undefined: it is not known. */
  readonly total: number | undefined
  /** At most 1,000 characters; may be empty. */
  readonly text: string
}

export type TakeProgress = (progress: Progress) => void

/** In UTF-16 code units. */
const LONGEST_TEXT = 1_000

export class ProgressTakers {
  readonly #takers = new Map<number, TakeProgress>()

  get size(): number {
    return this.#takers.size
  }

  /** `id`: of the call. */
  add(id: number, take: TakeProgress): void {
    this.#takers.set(id, take)
  }

  /** Throws a TypeError for a call that is not open, or has not asked for it. */
  receive({ id, done, total, text }: ProgressFrame): void {
    const take = this.#takers.get(id)
    if (take === undefined) throw new TypeError(`a Progress of call ${id}, which did not ask for it`)
    take({ done: done ?? undefined, total: total ?? undefined, text: cut(text, LONGEST_TEXT) })
  }

  /** The call has its answer. */
  end(id: number): void {
    this.#takers.delete(id)
  }
}
