// What functions have answered is an input of the core, too: strategy, `classify`, `backoff.delay`, and whether an
// actor is over. A journal records their answers, and a replay gives them again.
import type { AnyActorRef } from 'xstate'
import type { CoreEvent } from '../core/event.ts'
import type { Operation } from '../core/operation.ts'
import type { RestartPlan, RestartStrategy } from '../spec/strategy.ts'
import type { ResolvedSpec } from '../spec/spec.ts'
import type { Settings } from '../spec/options.ts'
import { isImagining } from '../core/imagining.ts'

export const HOOKS = ['plan', 'classify', 'delay', 'isOver'] as const

export type HookName = (typeof HOOKS)[number]

/** What a function has answered, or thrown. */
export type Answer = { readonly hook: HookName } & ({ readonly value: unknown } | { readonly fault: unknown })

/** In levels of an answer. */
const DEEPEST = 100

type Delay = NonNullable<Exclude<ResolvedSpec['backoff'], 'off'>['delay']>

/** The settings with functions of the user's that tell what they answer. Built-in functions need not be recorded. */
export function listen(settings: Settings, note: (answer: Answer) => void): Settings {
  const { strategy, builtIn, classify, template, children, resolveSpec } = settings
  const delays = new Map<Delay, Delay>()
  const heard = (delay: Delay): Delay => {
    const known = delays.get(delay)
    if (known !== undefined) return known
    const wrapped: Delay = (input) => told(note, 'delay', () => delay(input))
    delays.set(delay, wrapped)
    // A specification that getChildSpec() has returned comes back with reconfigure(): its function is one of these.
    delays.set(wrapped, wrapped)
    return wrapped
  }
  const listenTo = (spec: ResolvedSpec): ResolvedSpec => {
    if (spec.backoff === 'off' || spec.backoff.delay === undefined) return spec
    return { ...spec, backoff: { ...spec.backoff, delay: heard(spec.backoff.delay) } }
  }
  return {
    ...settings,
    strategy: builtIn === undefined ? listenToStrategy(strategy, note) : strategy,
    classify: classify && ((error, context) => told(note, 'classify', () => classify(error, context))),
    resolveSpec: (spec) => listenTo(resolveSpec(spec)),
    template: template && listenTo(template),
    children: children.map(listenTo),
  }
}

/** The event. Its question whether an actor is over tells the answer, if it has one. */
export function listenToEvent(event: CoreEvent, note: (answer: Answer) => void): CoreEvent {
  if (event.type !== 'supervisor.call' || !('isOver' in event.call) || event.call.isOver === undefined) return event
  const isOver = event.call.isOver as (ref?: AnyActorRef) => boolean
  const heard = (ref?: AnyActorRef): boolean => told(note, 'isOver', () => isOver(ref))
  return { ...event, call: { ...event.call, isOver: heard } as Operation }
}

function listenToStrategy(strategy: RestartStrategy, note: (answer: Answer) => void): RestartStrategy {
  return {
    name: strategy.name,
    // A copy of the answer: the strategy may change its object later.
    plan: (failed, children, context) =>
      told<RestartPlan>(note, 'plan', () => strategy.plan(failed, children, context), copied),
  }
}

function told<T>(
  note: (answer: Answer) => void,
  hook: HookName,
  ask: () => T,
  copy: (value: unknown) => unknown = (value) => value,
): T {
  if (isImagining()) return ask()
  try {
    const value = ask()
    note({ hook, value: copy(value) })
    return value
  } catch (fault) {
    note({ hook, fault })
    throw fault
  }
}

/** A copy of lists and plain objects. What else there is stays as it is, so that a wrong answer stays wrong. */
function copied(value: unknown, depth = 0): unknown {
  try {
    if (typeof value !== 'object' || value === null || depth > DEEPEST) return value
    if (Array.isArray(value)) return value.map((each) => copied(each, depth + 1))
    if (Object.getPrototypeOf(value) !== Object.prototype) return value
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copied(each, depth + 1)]))
  } catch {
    return value // a proxy or getter that throws
  }
}
