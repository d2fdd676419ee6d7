// What is kept of one actor all the time: when its state changed, how often it failed, why last.
import type { Diagnosis } from '@terrarium/inspector/protocol'
import type { ExitReason } from '@terrarium/supervisor'
import { errorLine, factsOfError } from '../events.ts'
import type { ActorView } from '../messages.ts'
import { diagnosisOf } from './diagnosis.ts'

export class Tally {
  readonly born: number
  since: number
  /** When it became ready, while it is. */
  up: number | undefined
  /** The open incident: from a failure until it is ready again. */
  incident: string | undefined
  #events = 0
  #last: string | undefined
  #crashes = 0
  #wanted = 0
  #hasEnded = false
  #hasFailed = false
  #failure: { readonly error: string; readonly diagnosis: Diagnosis } | undefined

  constructor(now: number) {
    this.born = now
    this.since = now
  }

  /** Notes an event that changes the state. */
  note(type: string, now: number): void {
    this.#events += 1
    this.#last = type
    this.since = now
  }

  started(): void {
    if (this.#hasEnded && !this.#hasFailed) this.#wanted += 1
    this.#hasEnded = false
  }

  ready(now: number): void {
    this.up = now
    this.incident = undefined
    this.#failure = undefined
  }

  exited(reason: ExitReason): void {
    this.up = undefined
    this.#hasEnded = true
    this.#hasFailed = reason.type === 'error'
    if (reason.type !== 'error') return
    this.#crashes += 1
    this.failed(reason.error)
  }

  failed(error: unknown): void {
    this.#failure = { error: errorLine(factsOfError(error)), diagnosis: diagnosisOf(error) }
  }

  /** The fields that every actor has. */
  view(): Pick<ActorView, 'since' | 'born' | 'events' | 'last' | 'up' | 'restarts' | 'error' | 'diagnosis'> {
    const { since, born, up } = this
    return {
      since,
      born,
      events: this.#events,
      restarts: { crashes: this.#crashes, wanted: this.#wanted },
      ...(this.#last === undefined ? {} : { last: this.#last }),
      ...(up === undefined ? {} : { up }),
      ...this.#failure,
    }
  }
}
