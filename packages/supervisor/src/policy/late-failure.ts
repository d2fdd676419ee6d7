// A failure of which all that costs time is computed when it is read.
import { errorOfExit, type ExitReason } from '../base/exit-reason.ts'
import { classify } from './classify.ts'
import { failureToJson, type FailureClass, type FailureInfo, type FailureJson, type FailurePhase } from './failure.ts'
import { fingerprint } from './fingerprint.ts'

/** A failure in mode `otp`, which looks at no failure to decide. Few are ever read. */
export class LateFailure implements FailureInfo {
  readonly phase: FailurePhase
  readonly attempts: number
  readonly at: number
  readonly #id: string
  readonly #reason: ExitReason
  #error: { readonly error: unknown } | undefined

  constructor(id: string, reason: ExitReason, phase: FailurePhase, attempts: number, at: number) {
    this.phase = phase
    this.attempts = attempts
    this.at = at
    this.#id = id
    this.#reason = reason
  }

  get error(): unknown {
    this.#error ??= { error: errorOfExit(this.#id, this.#reason) }
    return this.#error.error
  }

  get class(): FailureClass {
    const { phase, attempts } = this
    if (this.#reason.type !== 'error') return 'unknown'
    return classify(this.error, { id: this.#id, phase, attempts, uptime: 0 }, undefined)
  }

  get fingerprint(): string {
    const { type } = this.#reason
    return type === 'error' ? fingerprint(this.error, this.phase) : `${this.phase}:${type}`
  }

  toJSON(): FailureJson {
    return failureToJson(this)
  }
}
