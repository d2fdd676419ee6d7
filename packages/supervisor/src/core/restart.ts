import { nextDelay } from '../backoff.ts'
import { judge, openingTime, type ParkCause } from '../breaker.ts'
import { TerrariumError } from '../errors.ts'
import { isCleanExit } from '../exit-reason.ts'
import type { FailureInfo } from '../failure.ts'
import { assess, type Assessment } from './assess.ts'
import { end } from './ending.ts'
import { settleStopped, start } from './lifecycle.ts'
import type { Child, Death } from './state.ts'
import { run, type Task } from './task.ts'
import { clearTimer, emit, setTimer, type Turn } from './turn.ts'

/** A child that lived shorter than this is restarted through a timer, so that a crash loop leaves room for others; in ms. */
const SHORTEST_LIFE = 1

/** Answers the death of a child that nobody had asked to end. `remaining`: whose start was waiting for this child's. */
export function answerDeath(turn: Turn, child: Child, death: Death, remaining: readonly string[] = []): void {
  const { state } = turn
  child.death = undefined
  if (child.restart === 'temporary') {
    settleStopped(turn, child)
    resume(turn, remaining)
    return
  }
  const parkedFor = child.parkedFor
  const assessment = assess(turn, child, death.reason)
  const { failure } = assessment
  if (child.restart === 'transient' && (isCleanExit(death.reason) || failure.class === 'cancelled')) {
    child.memory = undefined
    settleStopped(turn, child)
    resume(turn, remaining)
    return
  }
  child.state = 'restarting'
  if (state.settings.mode === 'otp') {
    if (state.window.admit(turn.now)) schedule(turn, child, 0, failure, remaining)
    else giveUp(turn, child, 'restart intensity', failure)
    return
  }
  const cause = assessment.failedProbe ? probeCause(failure, parkedFor) : verdict(child, assessment)
  if (cause !== undefined) {
    park(turn, child, cause, assessment)
    resume(turn, remaining)
    return
  }
  const { backoff } = child.spec
  if (backoff !== 'off' && failure.attempts > backoff.maxAttempts) {
    if (child.spec.onExhausted === 'escalate') {
      giveUp(turn, child, 'restart attempts', failure)
      return
    }
    park(turn, child, 'exhausted', assessment)
    resume(turn, remaining)
    return
  }
  const delay = delayOf(child, failure, death.random)
  if (delay === 0 && !state.window.admit(turn.now)) giveUp(turn, child, 'restart intensity', failure)
  else schedule(turn, child, delay, failure, remaining)
}

function verdict(child: Child, { failure, readyFor }: Assessment): ParkCause | undefined {
  const { breaker } = child.spec
  return breaker === 'off' ? undefined : judge(child.breakerMemory, breaker, { class: failure.class, readyFor })
}

function probeCause(failure: FailureInfo, before: ParkCause | undefined): ParkCause {
  if (failure.class === 'configuration' && failure.phase === 'start') return 'configuration'
  return before === undefined || before === 'configuration' ? 'unstable' : before
}

/** The next delay in ms, which is remembered. */
function delayOf(child: Child, failure: FailureInfo, random: number): number {
  const { backoff } = child.spec
  if (backoff === 'off' || child.memory === undefined) return 0
  const scale = failure.class === 'overload' ? 5 : 1
  const delay = nextDelay(backoff, { attempt: failure.attempts, previous: child.memory.delay, random, scale })
  child.memory = { ...child.memory, delay }
  return delay
}

/** Latched for a configuration failure: only `unpark()` starts the child again. Siblings are left as they are. */
function park(turn: Turn, child: Child, cause: ParkCause, { failure, failedProbe, sameAsBefore }: Assessment): void {
  const { breaker } = child.spec
  const before = child.breakerMemory
  const openings = failedProbe && sameAsBefore ? before.openings + 1 : 1
  if (child.memory !== undefined) child.memory = { ...child.memory, breaker: { ...before, openings } }
  child.state = 'parked'
  child.parkedFor = cause
  child.group = undefined
  child.until = undefined
  if (cause !== 'configuration' && breaker !== 'off') {
    const time = openingTime({ ...before, openings }, breaker)
    child.until = turn.now + time
    setTimer(turn, child, time)
  }
  emit(turn, child, { type: 'child.parked', failure, cause })
}

/** One start of a parked child, to see whether it can live again. Nobody waits for it. */
export function probe(turn: Turn, child: Child): void {
  child.probing = true
  start(turn, child)
}

/** Takes the group of a failed child down now, and starts it again after the delay (ms). */
function schedule(turn: Turn, child: Child, delay: number, failure: FailureInfo, remaining: readonly string[]): void {
  const group = groupOf(turn, child, failure, remaining)
  if (group === undefined) return
  const at = joinWaiting(turn, child, group, turn.now + delay)
  child.group = group.length > 1 ? group : undefined
  const wait = at - turn.now
  if (wait === 0 && failure.phase === 'run' && turn.now - child.startedAt >= SHORTEST_LIFE) {
    restart(turn, child)
    return
  }
  child.state = wait > 0 ? 'backing_off' : 'restarting'
  child.until = at
  setTimer(turn, child, wait)
  if (wait > 0) emit(turn, child, { type: 'child.backoff', delay: wait, attempt: failure.attempts, failure })
  if (group.length > 1) run(turn, { stops: stoppable(turn, child, group), starts: [], done: nothing, failed: nothing })
}

/** The failed child's delay is over: starts it, and whoever is held down for it. */
export function restart(turn: Turn, child: Child): void {
  const group = child.group ?? [child.id]
  clearTimer(turn, child)
  child.state = 'restarting'
  child.until = undefined
  child.group = undefined
  emit(turn, child, { type: 'child.restart', attempt: child.memory?.last.attempts ?? 1 })
  // In OTP the supervisor waits for every start. Waiting for one child that nobody depends on only delays its siblings.
  if (group.length === 1 && turn.state.settings.mode === 'default') start(turn, child)
  else startGroup(turn, stoppable(turn, child, group), group)
}

function resume(turn: Turn, remaining: readonly string[]): void {
  if (remaining.length > 0) startGroup(turn, [], remaining)
}

function startGroup(turn: Turn, stops: string[], group: readonly string[]): void {
  const task: Task = {
    stops,
    starts: group.toReversed(),
    done: nothing,
    failed: (later, child, death) => {
      answerDeath(later, child, death, task.starts.toReversed())
    },
  }
  run(turn, task)
}

/** In start order, without those that are parked. `undefined` if the strategy has thrown: the supervisor is ending. */
function groupOf(
  turn: Turn,
  child: Child,
  failure: FailureInfo,
  remaining: readonly string[],
): readonly string[] | undefined {
  const { children, settings } = turn.state
  let planned: readonly string[]
  try {
    const listing = { [Symbol.iterator]: () => children.values() }
    planned = settings.strategy.plan(child, listing, { supervisor: settings.id, phase: failure.phase }).restart
  } catch (error) {
    giveUp(turn, child, `strategy ${settings.strategy.name}`, { ...failure, error })
    return undefined
  }
  const alone = planned.length === 0 || (planned.length === 1 && planned[0] === child.id)
  if (alone && remaining.length === 0) return [child.id]
  const wanted = new Set([child.id, ...planned, ...remaining])
  // Whoever already waits brings along those who wait for him (X09).
  for (const id of wanted) {
    const member = children.get(id)
    if (member?.isWaiting === true) for (const held of member.group ?? []) wanted.add(held)
  }
  const group: string[] = []
  for (const { id, state } of children.values()) if (wanted.has(id) && state !== 'parked') group.push(id)
  return group
}

/** When the group can start: as late as the last of those that were waiting on their own. They wait no more. */
function joinWaiting(turn: Turn, child: Child, group: readonly string[], at: number): number {
  let latest = at
  for (const id of group) {
    const member = turn.state.children.get(id)
    if (member === undefined || member === child || !member.isWaiting) continue
    latest = Math.max(latest, member.until ?? at)
    settleStopped(turn, member)
  }
  return latest
}

/** The group's members that have to be stopped first, the next one last. */
function stoppable({ state }: Turn, child: Child, group: readonly string[]): string[] {
  return group.filter((id) => id !== child.id && state.children.get(id)?.state !== 'stopped')
}

function giveUp(turn: Turn, child: Child, exceeded: string, failure: FailureInfo): void {
  const { id, mode } = turn.state.settings
  settleStopped(turn, child)
  if (mode === 'otp') {
    end(turn, { type: 'shutdown' })
    return
  }
  const error = new TerrariumError('STOPPED', `supervisor ${id} gave up: ${exceeded} of child ${child.id}`, {
    cause: failure.error,
    details: { supervisor: id, child: child.id, exceeded, failure },
  })
  end(turn, { type: 'error', error })
}

function nothing(): void {
  // what was started or stopped needs no answer
}
