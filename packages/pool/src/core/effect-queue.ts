// The effects that are decided and not carried out yet.
import type { Effect, EffectSink } from './effect.ts'

/** First in, first out. Its array is kept: most events lead to two or three effects, which are carried out at once. */
export class EffectQueue implements EffectSink {
  readonly #effects: (Effect | undefined)[] = []
  #head = 0
  #tail = 0

  push(effect: Effect): void {
    this.#effects[this.#tail] = effect
    this.#tail += 1
  }

  shift(): Effect | undefined {
    if (this.#head === this.#tail) return undefined
    const effect = this.#effects[this.#head]
    this.#effects[this.#head] = undefined
    this.#head += 1
    if (this.#head === this.#tail) this.#rewind()
    return effect
  }

  #rewind(): void {
    if (this.#tail > LONGEST) this.#effects.length = 0
    this.#head = this.#tail = 0
  }
}

/** A longer array is given up, as after the end of a pool with many calls. */
const LONGEST = 1_024
