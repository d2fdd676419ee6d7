// A supervisor on trial with a restart strategy, and what must have become of its children.
import type { AnyActorRef } from 'xstate'
import type { ChildSpec } from '../spec/spec.ts'
import type { RestartStrategy } from '../spec/strategy.ts'
import { Recorder } from './recorder.ts'
import { ensure, show } from './suite.ts'
import { Trial } from './trial.ts'

/** A supervisor without backoff, breaker or limits, so that all that happens is what the strategy has planned. */
export class StrategyTrial extends Trial {
  readonly recorder: Recorder
  readonly specs: ReadonlyMap<string, ChildSpec>

  constructor(strategy: RestartStrategy, children: readonly ChildSpec[], isAskedTwice = false) {
    const recorder = new Recorder(strategy, isAskedTwice)
    super({
      strategy: recorder,
      children,
      backoff: 'off',
      breaker: 'off',
      intensity: Number.MAX_SAFE_INTEGER,
      startRate: Infinity,
    })
    this.recorder = recorder
    this.specs = new Map(children.map((spec) => [spec.id, spec]))
  }
}

/** Each child is where the last plan that names it has put it, and nothing is due any more. */
export function mustBeAsPlanned(trial: StrategyTrial, ids: readonly string[], when: string): void {
  const { app, clock, hasEnded, recorder, moves, specs } = trial
  if (recorder.hasEscalated) {
    ensure(hasEnded, 'a supervisor must end when plan() escalates', () => `it goes on ${when}`)
    return
  }
  ensure(!hasEnded, 'the supervisor must survive', () => `it gave up (${causeOfEnd(app.ref)}) ${when}`)
  for (const id of ids) {
    const isGone = specs.get(id)?.restart === 'temporary' && moves.includes(`exit ${id}`)
    const expected = isGone ? 'gone' : recorder.stateOf(id)
    const found = trial.child(id)?.state ?? 'gone'
    ensure(found === expected, 'a child must be as planned', () => `${id} is ${found} instead of ${expected} ${when}`)
  }
  ensure(clock.pending === 0, 'no timer must be left when all is done', () => `${clock.pending} wait ${when}`)
}

export function causeOfEnd(ref: AnyActorRef): string {
  const { error } = ref.getSnapshot() as { error?: unknown }
  if (!(error instanceof Error)) return show(error)
  return error.cause === undefined ? show(error) : `${error.message}: ${show(error.cause)}`
}
