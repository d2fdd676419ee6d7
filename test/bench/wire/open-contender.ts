// What the wire suite opens, measures and closes.
import type { Contender, Measurement, Payload } from '../measure.ts'

/** A contender with processes of its own. */
export interface OpenContender extends Contender {
  /** Measures a round in a way of its own; without it, a round counts answers of `echo`. `duration` in ms. */
  readonly measure?: (
    payloads: readonly Payload[],
    options: { readonly duration: number; readonly signal: AbortSignal },
  ) => Promise<Measurement>
  /** Ends its processes. Rejects when something is left of them. */
  readonly close: () => Promise<void>
}

/** What each contender is opened with. */
export interface Opening {
  readonly python: string
  /** For sockets and state; a short path. */
  readonly directory: string
}

let opened = 0

/** A name that no other contender of this process has, for sockets and pools. */
export const uniqueName = (prefix: string): string => `${prefix}-${++opened}`

/** Opens `count` contenders of a kind, which take turns. */
export async function several(count: number, open: () => Promise<OpenContender>): Promise<OpenContender> {
  const outcomes = await Promise.allSettled(Array.from({ length: count }, open))
  const all = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const close = async (): Promise<void> => {
    await Promise.all(all.map((each) => each.close()))
  }
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  const [first] = all
  if (failed !== undefined || first === undefined) {
    await close()
    throw failed?.reason
  }
  let next = 0
  const echo = (payload: never): Promise<unknown> => (all[next++ % count] as OpenContender).echo(payload)
  return { ...first, echo: count === 1 ? first.echo : echo, close }
}
