// Carries out what readers ask for, if they have the token for actions: only the verbs that the actor offers now, each
// told to the bus and to the log with its author.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Act } from '@terrarium/inspector/protocol'
import { messageOf, TerrariumError } from '@terrarium/supervisor/base'
import type { Bus } from './bus.ts'
import { shortened } from './events.ts'
import type { Answer } from './messages.ts'
import type { Deeds, Source } from './sources/source.ts'

const TOKEN_BYTES = 24
/** Time between two reports of wrong tokens, in ms. */
const REFUSED_EVERY = 1_000

export interface ActionsDependencies {
  readonly bus: Bus
  readonly sources: () => Iterable<Source>
  /** Takes one line for each action, must not throw. */
  readonly log: (line: string) => void
  /** In ms since 1970. */
  readonly now: () => number
}

export class Actions {
  /** What a reader has to send with each `act`. */
  readonly token = randomBytes(TOKEN_BYTES).toString('base64url')
  readonly #dependencies: ActionsDependencies
  /** Wrong tokens that were not reported yet, and when the last report was. */
  #refused = 0
  #refusedAt = -Infinity

  constructor(dependencies: ActionsDependencies) {
    this.#dependencies = dependencies
  }

  /** Rejects with a TerrariumError. `by`: who asks, as an address. */
  async carryOut({ id, verb, actor, token }: Act, by: string): Promise<Answer> {
    if (!isSame(token, this.token)) {
      this.#refuse(verb, by)
      throw new TerrariumError('INVALID_ARGUMENT', 'the token for actions is wrong', {
        hint: 'Open the address with the token for actions anew: each observer has another.',
      })
    }
    const deeds = deedsOf(actor, this.#dependencies.sources())
    const deed = deeds[verb]
    if (deed === undefined) {
      const offered = Object.keys(deeds)
      throw new TerrariumError('INVALID_ARGUMENT', `${shortened(actor)} does not offer ${verb} now`, {
        hint: offered.length === 0 ? 'There is nothing that it offers.' : `It offers ${offered.join(', ')}.`,
      })
    }
    this.#tell(actor, verb, by)
    try {
      await deed(by)
    } catch (error) {
      this.#tell(actor, verb, by, messageOf(error))
      throw error
    }
    return { t: 'answer', id, act: verb }
  }

  /** A wrong token is told too, at most once a second, so that guesses do not fill the ring. */
  #refuse(verb: Act['verb'], by: string): void {
    const { bus, log, now } = this.#dependencies
    this.#refused += 1
    if (now() - this.#refusedAt < REFUSED_EVERY) return
    const attempts = this.#refused
    this.#refused = 0
    this.#refusedAt = now()
    const times = attempts === 1 ? '' : `, ${attempts} times since the last report`
    const text = `${verb} was refused: ${by} has a wrong token for actions${times}`
    log(text)
    bus.publish({ type: 'reader.refused', actor: '', text, facts: { verb, by, attempts } })
  }

  #tell(actor: string, verb: Act['verb'], by: string, failed?: string): void {
    const text = failed === undefined ? `${verb}, asked for by ${by}` : `${verb}, asked for by ${by}, failed: ${failed}`
    this.#dependencies.log(`${actor}: ${shortened(text)}`)
    const facts = { verb, by, ...(failed === undefined ? {} : { failed: shortened(failed) }) }
    this.#dependencies.bus.publish({ type: 'reader.act', actor, text, facts })
  }
}

/** What can be asked of an actor now. */
export function deedsOf(actor: string, sources: Iterable<Source>): Deeds {
  for (const source of sources) {
    const deeds = source.deedsOf(actor)
    if (deeds !== undefined) return deeds
  }
  return {}
}

/** Compares whole texts, in a time that does not tell how much of them is the same. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
