// What would follow if a child failed now: the core decides on a copy of its state, in a rehearsal.
import { isFields, isList } from '../base/checker.ts'
import { TerrariumError } from '../base/errors.ts'
import { plainError, type PlainError } from '../base/plain-error.ts'
import { failureToJson, type FailureJson, type FailurePhase } from '../policy/failure.ts'
import type { Settings } from '../spec/options.ts'
import type { PlanAction } from '../spec/strategy.ts'
import { cloneState } from './clone.ts'
import type { Effect, Result } from './effect.ts'
import { IDEAL, MIDDLE, Rehearsal, type Step, type World } from './rehearsal.ts'
import type { Child, CoreState } from './state.ts'
import { foretold } from './foretold.ts'
import { unforeseen, whileImagining } from './imagining.ts'

export interface WhatIfOptions {
  /** How long the child has run when it fails, in ms. Default: as long as it has run by now. */
  readonly uptime?: number
  /** `start`: before it is ready; `run`: after. Default: as it is now. */
  readonly phase?: FailurePhase
}

/** What would follow from a failure. Plain data. */
export interface WhatIf {
  readonly supervisor: string
  /** The failed child. */
  readonly id: string
  /** The failure as the supervisor would judge it. Missing if the child would not come back after it in any case. */
  readonly failure?: FailureJson
  /** What the strategy would answer. Missing if it would not be asked, because the child is not to come back. */
  readonly plan?: WhatIfPlan
  /**
   * What would happen, until the consequences are over. Children are imagined to be ready at once and to end at once;
   * random numbers are 0.5.
   */
  readonly steps: readonly Step[]
  /** The restarts that count against the intensity. */
  readonly budget: Budget
  /** The error with which the supervisor would give up. */
  readonly escalates?: PlainError
  /** The same in one sentence. */
  readonly sentence: string
}

export interface WhatIfPlan {
  readonly strategy: string
  readonly actions: readonly PlanAction[]
}

export interface Budget {
  readonly intensity: number
  /** In ms. */
  readonly period: number
  /** How many restarts count now. */
  readonly before: number
  /** How many would count after the failure. */
  readonly after: number
}

/** The number of steps at which a rehearsal ends, since a strategy may go on for ever. */
const MOST_STEPS = 10_000

/**
 * What would follow if this child failed with this error at `now` (ms). Changes nothing. Throws INVALID_ARGUMENT if the
 * child does not run.
 */
export function whatIf(
  state: CoreState,
  id: string,
  now: number,
  error: unknown,
  options: WhatIfOptions,
  world: World = IDEAL,
): WhatIf {
  const child = state.children.get(id)
  if (child?.isAlive !== true || child.ref === undefined) throw notRunning(state, id)
  return whileImagining(() => rehearse(state, id, now, error, options, world))
}

/** The answer to a what-if. */
export function imagined(
  state: CoreState,
  question: Extract<Effect, { type: 'imagine' }>,
  now: number,
  world: World,
): Result {
  const { id, error, options } = question
  try {
    return { ok: true, value: whatIf(state, id, now, error, options, world) }
  } catch (fault) {
    return { ok: false, error: fault instanceof TerrariumError ? fault : unforeseen(id, fault) }
  }
}

function notRunning({ settings, children }: CoreState, id: string): TerrariumError {
  const message = `child ${id} of supervisor ${settings.id} is not running, so it cannot fail`
  return new TerrariumError('INVALID_ARGUMENT', message, {
    hint: 'Ask again when the child runs. explain() says why it is down.',
    details: { supervisor: settings.id, child: id, reason: 'not_running', state: children.get(id)?.state },
  })
}

function rehearse(
  state: CoreState,
  id: string,
  now: number,
  error: unknown,
  { uptime, phase }: WhatIfOptions,
  world: World,
): WhatIf {
  const { id: supervisor, intensity, period } = state.settings
  const plans: WhatIfPlan[] = []
  const copy = cloneState(
    state,
    overheard(state.settings, (plan) => plans.push(plan)),
  )
  const rehearsal = new Rehearsal(copy, now, world)
  // What waits in the queue comes first, and is no consequence.
  rehearsal.tell({ type: 'supervisor.go_on' })
  rehearsal.steps.length = 0
  plans.length = 0
  const { lastTimer } = copy
  const before = copy.window.used(now)
  const child = copy.children.get(id)
  const earlier = child?.cause
  if (child !== undefined) {
    imagine(child, now, uptime, phase)
    const { startNumber } = child
    rehearsal.tell({
      type: 'supervisor.child.exited',
      id,
      startNumber,
      reason: { type: 'error', error },
      random: MIDDLE,
      time: rehearsal.time,
    })
  }
  const because = child?.cause
  const failure = because === earlier ? undefined : because?.failure
  const after = copy.window.used(now)
  const { steps } = rehearsal
  while (rehearsal.outcome === undefined && rehearsal.hasTimersAfter(lastTimer) && steps.length < MOST_STEPS)
    rehearsal.advance()
  const { outcome } = rehearsal
  const [plan] = plans
  const shown = steps.map((step) => ({ ...step, at: step.at - now }))
  const result = {
    supervisor,
    id,
    ...(failure === undefined ? {} : { failure: failureToJson(failure) }),
    ...(plan === undefined ? {} : { plan }),
    steps: shown,
    budget: { intensity, period, before, after },
    ...(outcome?.type === 'error' ? { escalates: plainError(outcome.error) } : {}),
  }
  return { ...result, sentence: foretold(result) }
}

/** Makes the child look as it is imagined to be at its failure. */
function imagine(child: Child, now: number, uptime: number | undefined, phase: FailurePhase | undefined): void {
  if (uptime !== undefined) child.startedAt = now - uptime
  const wasReady = phase === undefined ? child.readyAt !== undefined : phase === 'run'
  if (!wasReady) child.readyAt = undefined
  else if (uptime !== undefined || child.readyAt === undefined) child.readyAt = child.startedAt
  child.state = wasReady ? 'running' : 'starting'
}

/** Settings whose strategy says what it has answered. */
function overheard(settings: Settings, heard: (plan: WhatIfPlan) => void): Settings {
  const { strategy, builtIn } = settings
  const { name } = strategy
  const hear = <T>(plan: T): T => {
    heard({ strategy: name, actions: actionsOf(plan) })
    return plan
  }
  return {
    ...settings,
    strategy: { name, plan: (failed, children, context) => hear(strategy.plan(failed, children, context)) },
    builtIn: builtIn && { name: builtIn.name, plan: (failed, children) => hear(builtIn.plan(failed, children)) },
  }
}

/** The actions of a plan, in whichever form it is. A plan that is none has none. */
function actionsOf(plan: unknown): WhatIfPlan['actions'] {
  const { restart, actions } = Object(plan) as Readonly<Record<'restart' | 'actions', unknown>>
  if (isList(actions)) return actions.filter(isFields).map((action) => ({ ...action }) as unknown as PlanAction)
  return isList(restart) ? restart.map((child) => ({ action: 'restart', child: String(child) })) : []
}
