// Why a child is as it is: what it waits for, what has failed, what would start it again. A pure function of the
// core's state.
import type { ChildState } from '../spec/child-info.ts'
import { TerrariumError } from '../base/errors.ts'
import { show } from '../base/show.ts'
import type { FailureInfo } from '../policy/failure.ts'
import type { Because } from '../spec/because.ts'
import { isRef } from './operation.ts'
import { exitText, failureText, list, ms, PARKED_BECAUSE, parkedByHand, times } from './sentences.ts'
import type { Child, CoreState } from './state.ts'
import { IDLE } from './task.ts'

/** Why one child is as it is. */
export interface Explanation {
  readonly id: string
  readonly state: ChildState
  /** 0 before the first start, then counts starts. */
  readonly incarnation: number
  /** All of this in one sentence. */
  readonly sentence: string
  /** Because of which failure and plan it was started, or has gone down, last. */
  readonly because?: Because
  /** The last failure, until the child has been stable again. */
  readonly failure?: FailureInfo
  /** Failures in a row without a stable life; in mode `otp` all failures. */
  readonly attempts: number
  /** When the next start is due, in ms of the supervisor's clock. */
  readonly until?: number
  /** How long that is from now, in ms. */
  readonly waits?: number
  /** What would start the child again: the passing of time, another child's start, operations. Empty if it is up. */
  readonly unpark: readonly string[]
  /** The waiting child with which this child comes back, if it is down for that. */
  readonly heldBy?: string
}

/**
 * Explains one child, by its id or its ref.
 *
 * @param now - in ms
 */
export function explain(state: CoreState, address: unknown, now: number): Explanation {
  const child = find(state, address)
  const { id, incarnation, trouble, cause } = child
  const { memory, until, failures } = trouble
  const heldBy = holderOf(state, child)
  return {
    id,
    state: child.state,
    incarnation,
    sentence: sentenceOf(state, child, now, heldBy),
    ...(cause === undefined ? {} : { because: cause }),
    ...(memory === undefined ? {} : { failure: memory.last }),
    attempts: memory?.last.attempts ?? failures,
    ...(until === undefined ? {} : { until, waits: Math.max(0, until - now) }),
    unpark: waysBack(state, child, now, heldBy),
    ...(heldBy === undefined ? {} : { heldBy }),
  }
}

function find({ children, settings }: CoreState, address: unknown): Child {
  const id: unknown = isRef(address) ? address.id : address
  const child = typeof id === 'string' ? children.get(id) : undefined
  if (child !== undefined) return child
  const name = typeof id === 'string' ? id : show(id)
  throw new TerrariumError('INVALID_ARGUMENT', `child ${name} of supervisor ${settings.id} does not exist`, {
    hint: children.size === 0 ? undefined : `Name one of its children: ${list([...children.keys()])}.`,
    details: { supervisor: settings.id, child: name, reason: 'not_found' },
  })
}

/** The waiting child whose group holds this child down. */
function holderOf({ children }: CoreState, { id, isHeld }: Child): string | undefined {
  if (!isHeld) return undefined
  for (const other of children.values()) {
    if (other.id !== id && other.isWaiting && other.trouble.group?.includes(id) === true) return other.id
  }
  return undefined
}

function sentenceOf(state: CoreState, child: Child, now: number, heldBy: string | undefined): string {
  const { id } = child
  if (child.death !== undefined) {
    return `${id} ${exitText(child.death.reason)}; the supervisor deals with that when ${taskText(state)}.`
  }
  switch (child.state) {
    case 'starting':
      return startingText(state, child, now)
    case 'running':
      return runningText(state, child, now)
    case 'stopping':
      return `${id} is asked to end${shutdownText(child)}.`
    case 'restarting':
    case 'backing_off':
      return waitingText(state, child, now)
    case 'parked':
      return parkedText(state, child, now)
    case 'stopped':
      return stoppedText(state, child, heldBy)
  }
}

function startingText(state: CoreState, child: Child, now: number): string {
  const { id, startedAt, trouble, startedWith } = child
  const { startTimeout } = startedWith
  const limit = startTimeout === undefined ? '' : `, of at most ${ms(startTimeout)}`
  const isProbe = trouble.probing && trouble.parkedFor !== 'request'
  const probe = isProbe ? ', as a probe whether the cause for which it was parked is gone' : ''
  return `${id} has been starting for ${ms(now - startedAt)}${limit}${probe}${lately(state, child, ', after ')}.`
}

function runningText(state: CoreState, child: Child, now: number): string {
  const { id, startedAt, incarnation } = child
  const life = incarnation === 1 ? '' : `, in incarnation ${incarnation}`
  const next = state.task.stops.includes(child) ? ', and is about to be stopped' : ''
  return `${id} has been running for ${ms(now - startedAt)}${life}${lately(state, child, ', since ')}${next}.`
}

function waitingText(state: CoreState, child: Child, now: number): string {
  const { id } = child
  const { until, group, retry } = child.trouble
  const others = (group ?? []).filter((each) => each !== id)
  const together = others.length === 0 ? '' : ` together with ${list(others)}`
  const when =
    until !== undefined && until > now
      ? `in ${ms(until - now)}`
      : state.task === IDLE
        ? 'at once'
        : `when ${taskText(state)}`
  const own = ownFailures(child)
  const other = otherFailure(state, child)
  const why =
    retry !== undefined
      ? `${exitText(retry.reason)} in its start`
      : (own ?? (other === undefined ? 'has ended' : `is down because ${other}`))
  return `${id} ${why}${words(child)} and is started again ${when}${together}.`
}

function parkedText(state: CoreState, child: Child, now: number): string {
  const { id, trouble, cause } = child
  const { parkedFor, parkedBecause, until, memory } = trouble
  if (parkedFor === 'request') return `${parkedByHand(id, parkedBecause)}; only an operation starts it again.`
  const plan = parkedFor === 'strategy' ? cause?.plan : undefined
  const decided = plan?.because === undefined ? 'has decided so' : `says "${plan.because}"`
  const because = plan === undefined ? parkedFor && PARKED_BECAUSE[parkedFor] : `strategy ${plan.strategy} ${decided}`
  const why = because === undefined ? '' : `, because ${because}`
  const failed = otherFailure(state, child) ?? (memory && failureText(memory.last))
  const last = failed === undefined ? '' : `: ${failed}`
  const next =
    until === undefined
      ? 'only an operation starts it again'
      : `it is started once, as a probe, ${until > now ? `in ${ms(until - now)}` : 'at once'}`
  return `${id} is parked${why}${last}; ${next}.`
}

function stoppedText(state: CoreState, child: Child, heldBy: string | undefined): string {
  const { id, ended, incarnation } = child
  const { phase, settings, task } = state
  if (phase === 'stopped') return `${id} is down, because supervisor ${settings.id} has ended.`
  if (phase === 'stopping') return `${id} is down, because supervisor ${settings.id} is ending.`
  if (phase === 'idle') return `${id} has not been started, because supervisor ${settings.id} has not been started.`
  if (heldBy !== undefined) {
    const other = child.cause?.child === heldBy ? undefined : otherFailure(state, child)
    if (other === undefined) return `${id} is down until ${heldBy}, which has failed, is started again.`
    return `${id} is down because ${other}${words(child)}, and is started again with ${heldBy}.`
  }
  if (task.starts.includes(id)) return `${id} is started when ${taskText(state)}.`
  if (incarnation === 0) return `${id} has not been started.`
  if (child.cause?.plan?.action === 'stop') {
    const who = otherFailure(state, child) ?? ownFailures(child, 'it ') ?? 'it ended'
    return `${id} was stopped because ${who}${words(child)}, and only an operation starts it again.`
  }
  if (ended === 'asked') return `${id} was stopped on request, and only an operation starts it again.`
  if (ended === undefined) return `${id} is not needed: its start function returned IGNORE.`
  const temper = child.restart === 'permanent' ? '' : `, is ${child.restart},`
  return `${id} ${exitText(ended)}${temper} and only an operation starts it again.`
}

/** The failures for which the child was started, if there are any, behind a link: `, since it failed once`. */
function lately(state: CoreState, child: Child, link: string): string {
  const failed = ownFailures(child, 'it ') ?? otherFailure(state, child)
  return failed === undefined ? '' : `${link}${failed}${words(child)}`
}

/** The child's failures in a row: `failed twice in a row with Error: boom`. */
function ownFailures({ id, trouble, cause }: Child, subject = ''): string | undefined {
  const { memory, failures } = trouble
  const last = memory?.last ?? (cause?.child === id ? cause.failure : undefined)
  const count = memory?.last.attempts ?? failures
  if (last === undefined || count === 0) return undefined
  const inRow = memory !== undefined && count > 1 ? ' in a row' : ''
  return `${subject}failed ${times(count)}${inRow}${memory === undefined ? ', last' : ''} with ${failureText(last)}`
}

/** The failure of another child because of which this child is as it is. */
function otherFailure({ settings }: CoreState, { id, cause }: Child): string | undefined {
  if (cause === undefined || (cause.child === id && cause.supervisor === settings.id)) return undefined
  const of = cause.supervisor === settings.id ? '' : ` of supervisor ${cause.supervisor}`
  return `${cause.child}${of} failed with ${failureText(cause.failure)}`
}

/** What the strategy has said of the child. */
function words({ cause }: Child): string {
  const plan = cause?.plan
  return plan?.because === undefined ? '' : ` (strategy ${plan.strategy} says "${plan.because}")`
}

/** What the current core task waits for, after "when". */
function taskText({ task }: CoreState): string {
  const { starting, stopping, stops } = task
  if (starting !== undefined) return `${starting.id} is ready`
  if (stopping > 0 || stops.length > 0) return 'the children that are being stopped are down'
  return 'its turn has come'
}

function shutdownText({ startedWith: { shutdown } }: Child): string {
  if (shutdown === 'infinity') return ', however long it takes'
  return typeof shutdown === 'number' ? `, and is stopped hard after ${ms(shutdown)}` : ''
}

/** What would start a child that is down. */
function waysBack(state: CoreState, child: Child, now: number, heldBy: string | undefined): readonly string[] {
  const { phase, settings } = state
  if (child.isAlive || child.death !== undefined || phase === 'stopping' || phase === 'stopped') return []
  if (phase === 'idle') return ['start()']
  const ways: string[] = []
  const { until } = child.trouble
  if (until !== undefined) ways.push(`time: ${ms(until - now)}`)
  const before = heldBy ?? (state.task.starts.includes(child.id) ? state.task.starting?.id : undefined)
  if (before !== undefined) ways.push(`the start of ${before}`)
  const address = settings.kind === 'static' ? show(child.id) : 'ref'
  if (child.state === 'parked') ways.push(`unpark(${address})`)
  if (settings.kind !== 'simple_one_for_one') {
    ways.push(child.isWaiting ? `restartChild(${address}, { force: true })` : `restartChild(${address})`)
  }
  const isByHand = child.state === 'parked' && child.trouble.parkedFor === 'request'
  const isFailed = child.isWaiting || (child.state === 'parked' && !isByHand)
  if (settings.kind === 'static' && isFailed) ways.push('reconfigure(spec)')
  return ways
}
