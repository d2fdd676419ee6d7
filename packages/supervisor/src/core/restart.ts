// What follows the exit of a child: restart, delay, park, escalate or give up. Also restarts of groups.
import { nextDelay } from '../policy/backoff.ts'
import { judge, judgeProbe, openingTime, type ParkCause } from '../policy/breaker.ts'
import { countFailure } from '../policy/crash-loop.ts'
import { TerrariumError } from '../base/errors.ts'
import { errorOfExit, isCleanExit, type ExitReason } from '../base/exit-reason.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { assess, type Assessment } from './assess.ts'
import { end } from './ending.ts'
import type { Death } from './event.ts'
import { settleStopped, start } from './lifecycle.ts'
import { planOf } from './plan.ts'
import { chooseResume } from './resume.ts'
import type { Child, CoreState } from './state.ts'
import { run, type Purpose } from './task.ts'
import { about, blame, clearTimer, emit, setTimer, type Turn } from './turn.ts'

/** A child that ended within this many ms counts as a short life. */
const SHORT_LIFE = 10
/**
 * After this many short lives in a row a child is restarted through a timer, so that the event loop gets a turn: 1 or 2
 * ms of crashing.
 */
const SHORT_LIVES = 100

/**
 * Answers the exit of a child that was not asked to end. `remaining`: the ids whose start was waiting for this child's.
 */
export function answerDeath(turn: Turn, child: Child, death: Death, remaining: readonly string[] = []): void {
  const { mode } = turn.state.settings
  child.death = undefined
  if (child.restart === 'temporary') forGood(turn, child, remaining)
  else if (mode === 'otp') answerAsOtp(turn, child, death, remaining)
  else answerWithCare(turn, child, death, remaining)
}

/** The child ended and is not restarted. */
function forGood(turn: Turn, child: Child, remaining: readonly string[]): void {
  if (child.trouble.memory !== undefined) child.troubled.memory = undefined
  settleStopped(turn, child)
  if (isLastStraw(turn.state, child)) end(turn, { type: 'shutdown' })
  else resume(turn, remaining)
}

/** True if the supervisor shuts itself down because this child has ended (group I). */
function isLastStraw({ children, settings }: CoreState, { spec }: Child): boolean {
  if (!spec.significant || settings.autoShutdown === 'never') return false
  if (settings.autoShutdown === 'any_significant') return true
  for (const other of children.values()) if (other.spec.significant && other.state !== 'stopped') return false
  return true
}

/**
 * Mode `otp`: every restart counts. A failed start is tried again whatever the reason, through a timer, so that other
 * operations are served (H02).
 */
function answerAsOtp(turn: Turn, child: Child, { reason }: Death, remaining: readonly string[]): void {
  const wasReady = child.readyAt !== undefined
  if (wasReady && child.restart === 'transient' && isCleanExit(reason)) {
    forGood(turn, child, remaining)
    return
  }
  child.state = 'restarting'
  if (!wasReady) {
    // The retry counts as a restart when it is made (E09). The group stays up until then (H07, H08).
    child.troubled.retry = reason
    child.troubled.group = remaining.length > 0 ? remaining : undefined
    setTimer(turn, child, 0)
    turn.effects.push({ type: 'comeBack', event: { type: 'supervisor.retry', id: child.id } })
  } else if (isAdmitted(turn, child, reason)) {
    if (leavesRoom(turn, child)) restart(turn, child)
    else postpone(turn, child)
  }
}

function isAdmitted(turn: Turn, child: Child, reason: ExitReason): boolean {
  child.troubled.failures += 1
  const isAdmitted = turn.state.window.admit(turn.now)
  if (!isAdmitted) giveUp(turn, child, 'restart intensity', errorOfExit(child.id, reason))
  return isAdmitted
}

/**
 * Restarts the child's group through a timer. Its other members are stopped now, so that their own exits are not
 * counted (D12).
 */
function postpone(turn: Turn, child: Child): void {
  const group = groupOf(turn, child, [])
  if (group === undefined) return
  setTimer(turn, child, 0)
  hold(turn, child, group)
}

/** Starts a child whose restart is due. */
export function restartDue(turn: Turn, child: Child): void {
  const { retry } = child.trouble
  if (retry === undefined || isAdmitted(turn, child, retry)) restart(turn, child)
}

function answerWithCare(turn: Turn, child: Child, death: Death, remaining: readonly string[]): void {
  const { state } = turn
  const { parkedFor } = child.trouble
  const assessment = assess(turn, child, death.reason)
  const { failure } = assessment
  if (child.restart === 'transient' && (isCleanExit(death.reason) || failure.class === 'cancelled')) {
    forGood(turn, child, remaining)
    return
  }
  child.state = 'restarting'
  chooseResume(turn, child, death.reason, failure)
  raiseAlarm(turn, child, failure)
  const cause = assessment.failedProbe ? judgeProbe(failure, parkedFor) : verdict(turn, child, assessment)
  if (cause !== undefined) {
    if (child.spec.onExhausted === 'escalate') {
      giveUp(turn, child, EXCEEDED[cause], failure.error, failure)
    } else {
      park(turn, child, cause, assessment)
      resume(turn, remaining)
    }
    return
  }
  let delay = delayOf(turn, child, failure, death.random)
  if (delay === 0) {
    delay = state.rate.reserve(turn.now)
    child.troubled.hasPlace = true
  }
  if (delay === 0 && !state.window.admit(turn.now)) giveUp(turn, child, 'restart intensity', failure.error, failure)
  else schedule(turn, child, delay, failure, remaining)
}

/**
 * True if the child can be started again in this turn. After many short lives in a row it is started through a timer,
 * so that a crash loop does not block the event loop.
 */
function leavesRoom({ now }: Turn, child: Child): boolean {
  const { troubled } = child
  troubled.shortLives = now - child.startedAt < SHORT_LIFE ? troubled.shortLives + 1 : 0
  return troubled.shortLives <= SHORT_LIVES
}

function isExhausted(
  { now }: Turn,
  { spec: { backoff }, trouble: { memory } }: Child,
  { attempts }: FailureInfo,
): boolean {
  if (backoff === 'off') return false
  return attempts > backoff.maxAttempts || now - (memory?.since ?? now) > backoff.maxElapsed
}

function raiseAlarm(turn: Turn, child: Child, failure: FailureInfo): void {
  const { crashLoop } = turn.state.settings
  if (crashLoop === 'off') return
  const crashes = countFailure(child.trouble.crashes, crashLoop, turn.now)
  child.troubled.crashes = crashes
  const { failures } = crashes
  if (failures === crashLoop.failures)
    emit(turn, { type: 'child.crash_loop', ...about(turn, child), failures, failure })
}

/** Why the child is parked instead of restarted; `undefined` if it is restarted. */
function verdict(turn: Turn, child: Child, { failure, readyFor }: Assessment): ParkCause | undefined {
  const { breaker } = child.spec
  const cause = breaker === 'off' ? undefined : judge(child.breakerMemory, breaker, { class: failure.class, readyFor })
  return cause ?? (isExhausted(turn, child, failure) ? 'exhausted' : undefined)
}

/** The words of the error with which the supervisor gives up instead of parking the child. */
const EXCEEDED: Readonly<Record<ParkCause, string>> = {
  configuration: 'configuration',
  identical_failures: 'identical failures',
  unstable: 'instability',
  exhausted: 'restart attempts',
}

/** Computes and remembers the next delay, in ms. */
function delayOf(turn: Turn, child: Child, failure: FailureInfo, random: number): number {
  const { backoff } = child.spec
  const { memory } = child.trouble
  if (backoff === 'off' || memory === undefined) return 0
  const scale = failure.class === 'overload' ? 5 : 1
  const input = { attempt: failure.attempts, previous: memory.delay, random, scale }
  const delay = nextDelay(backoff, input, (fault) => {
    blame(turn, 'backoff.delay', fault)
  })
  child.troubled.memory = { ...memory, delay }
  return delay
}

/**
 * Parks a child. A configuration failure is latched: only `unpark()` starts the child again. Siblings are not touched.
 */
function park(turn: Turn, child: Child, cause: ParkCause, { failure, failedProbe, sameAsBefore }: Assessment): void {
  const { breaker } = child.spec
  const before = child.breakerMemory
  const openings = failedProbe && sameAsBefore ? before.openings + 1 : 1
  const { troubled } = child
  if (troubled.memory !== undefined) troubled.memory = { ...troubled.memory, breaker: { ...before, openings } }
  child.state = 'parked'
  troubled.parkedFor = cause
  if (cause !== 'configuration' && breaker !== 'off') {
    const time = openingTime({ ...before, openings }, breaker)
    troubled.until = turn.now + time
    setTimer(turn, child, time)
  }
  emit(turn, { type: 'child.parked', ...about(turn, child), failure, cause })
}

/** Starts a parked child once, to find out whether the cause is gone. No task waits for it. */
export function probe(turn: Turn, child: Child): void {
  child.troubled.probing = true
  start(turn, child)
}

/** Stops the group of a failed child now, and starts it again after the delay (ms). */
function schedule(turn: Turn, child: Child, delay: number, failure: FailureInfo, remaining: readonly string[]): void {
  const group = groupOf(turn, child, remaining)
  if (group === undefined) return
  const at = joinWaiting(turn, child, group, turn.now + delay)
  const wait = at - turn.now
  if (wait === 0 && failure.phase === 'run' && leavesRoom(turn, child)) {
    restart(turn, child, group)
    return
  }
  child.state = wait > 0 ? 'backing_off' : 'restarting'
  child.troubled.until = at
  setTimer(turn, child, wait)
  const { attempts: attempt } = failure
  if (wait > 0) emit(turn, { type: 'child.backoff', ...about(turn, child), delay: wait, attempt, failure })
  hold(turn, child, group)
}

/** Stops the other members of the failed child's group until it is started again. */
function hold(turn: Turn, child: Child, group: readonly string[]): void {
  if (group.length === 1) return
  child.troubled.group = group
  run(turn, HOLD, undefined, heldFor(turn, child, group), [])
}

/** Starts a failed child and its group, unless the start rate makes it wait. */
function restart(turn: Turn, child: Child, known = child.trouble.group): void {
  const { mode } = turn.state.settings
  const { troubled } = child
  const wait = troubled.hasPlace ? 0 : turn.state.rate.reserve(turn.now)
  troubled.hasPlace = wait > 0
  if (wait > 0) {
    troubled.until = turn.now + wait
    setTimer(turn, child, wait)
    return
  }
  const group =
    mode === 'otp'
      ? groupOf(turn, child, known ?? [])
      : (known?.filter((id) => isWanted(turn, child, id)) ?? [child.id])
  if (group === undefined) return
  clearTimer(turn, child)
  child.state = 'restarting'
  troubled.settle()
  emit(turn, {
    type: 'child.restart',
    ...about(turn, child),
    attempt: troubled.memory?.last.attempts ?? troubled.failures,
  })
  // In mode `otp` the supervisor waits for every start. In mode `default` it does not wait for a single child, since
  // that would only delay its siblings.
  if (group.length === 1 && mode === 'default') {
    start(turn, child)
    return
  }
  const stops = heldFor(turn, child, group)
  if (group.length > 1) {
    // The failed child is now an ordinary member of the group, of which another member may fail next (H07).
    child.state = 'stopped'
    child.isHeld = true
  }
  startGroup(turn, stops, group)
}

function resume(turn: Turn, remaining: readonly string[]): void {
  if (remaining.length > 0) startGroup(turn, [], remaining)
}

function startGroup(turn: Turn, stops: Child[], group: readonly string[]): void {
  run(turn, GROUP_START, undefined, stops, [...group].reverse())
}

const HOLD: Purpose = {}

const GROUP_START: Purpose = { failed: answerDeath }

/**
 * The ids that are restarted together, in start order, without parked children. `undefined` if the strategy has no
 * valid plan: the supervisor is ending.
 */
function groupOf(turn: Turn, child: Child, remaining: readonly string[]): readonly string[] | undefined {
  const { children } = turn.state
  let planned: readonly string[]
  try {
    planned = planOf(turn.state, child)
  } catch (error) {
    misplanned(turn, child, error)
    return undefined
  }
  const alone = planned.length === 0 || (planned.length === 1 && planned[0] === child.id)
  if (alone && remaining.length === 0) return [child.id]
  const wanted = new Set([child.id, ...planned, ...remaining])
  // A member that waits for its own restart brings its held group with it (X09).
  for (const id of wanted) {
    const member = children.get(id)
    if (member?.isWaiting === true) for (const held of member.trouble.group ?? []) wanted.add(held)
  }
  const group: string[] = []
  for (const member of children.values()) if (wanted.has(member.id) && comesBack(turn, member)) group.push(member.id)
  return group
}

function comesBack({ state }: Turn, { state: now, isHeld }: Child): boolean {
  if (now === 'parked') return false
  return now !== 'stopped' || isHeld || state.settings.reviveStopped
}

/** True if a member of a held group is still to come back. It may have been stopped or deleted meanwhile. */
function isWanted(turn: Turn, failed: Child, id: string): boolean {
  const member = turn.state.children.get(id)
  return member !== undefined && (member === failed || comesBack(turn, member))
}

/** When the group can start: the latest time at which one of its members was due. Their own waits end. */
function joinWaiting(turn: Turn, child: Child, group: readonly string[], at: number): number {
  let latest = at
  for (const id of group) {
    const member = turn.state.children.get(id)
    if (member === undefined || member === child || !member.isWaiting) continue
    latest = Math.max(latest, member.trouble.until ?? at)
    settleStopped(turn, member)
    member.isHeld = true
  }
  return latest
}

/** The group's members that have to be stopped first, the next one last. They come back with the failed child. */
function heldFor({ state }: Turn, failed: Child, group: readonly string[]): Child[] {
  const stops: Child[] = []
  for (const id of group) {
    const member = state.children.get(id)
    if (member === undefined || member === failed || member.state === 'stopped') continue
    member.isHeld = true
    stops.push(member)
  }
  return stops
}

function giveUp(turn: Turn, child: Child, exceeded: string, cause: unknown, failure?: FailureInfo): void {
  const { settings } = turn.state
  settleStopped(turn, child)
  if (settings.giveUpWith === 'shutdown') end(turn, { type: 'shutdown' })
  else end(turn, { type: 'error', error: gaveUp(settings.id, child, exceeded, cause, failure) })
}

/**
 * Ends the supervisor because its strategy has no valid plan. That is a fault of the program: it is an error in every
 * mode, and never a clean end (E6).
 */
function misplanned(turn: Turn, child: Child, cause: unknown): void {
  const { id, strategy } = turn.state.settings
  settleStopped(turn, child)
  end(turn, { type: 'error', error: gaveUp(id, child, `strategy ${strategy.name}`, cause) })
}

function gaveUp(id: string, child: Child, exceeded: string, cause: unknown, failure?: FailureInfo): TerrariumError {
  return new TerrariumError('STOPPED', `supervisor ${id} gave up: ${exceeded} of child ${child.id}`, {
    cause,
    hint: cause instanceof TerrariumError ? cause.hint : undefined,
    details: { supervisor: id, child: child.id, exceeded, ...(failure === undefined ? {} : { failure }) },
  })
}
