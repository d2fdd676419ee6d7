// What `watch()` of an inspector takes: a root of XState.
import type { AnyActorRef } from 'xstate'
import { isActor } from './actor-ref.ts'
import { InspectorError } from './inspector-error.ts'
import type { Tap } from './tap.ts'

/** Answers what ends it. Throws INVALID_ARGUMENT. */
export function watchRoot(tap: Tap, root: AnyActorRef): () => void {
  const given: unknown = root
  if (isActor(given) && given._parent === undefined) return tap.watch(given)
  const mistake = isActor(given) ? 'the actor has a parent' : 'the root is not an actor'
  throw new InspectorError('INVALID_ARGUMENT', `watch(): ${mistake}`, {
    hint: 'Give watch() the actor that createActor() has answered: what is below it is shown, too.',
    details: { mistakes: [mistake] },
  })
}
