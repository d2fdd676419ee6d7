// What follows the exit of a child: restart, delay, park, escalate or give up. Also restarts of groups.
import { nextDelay } from '../policy/backoff.ts'
import { judgeProbe } from '../policy/breaker.ts'
import { countFailure } from '../policy/crash-loop.ts'
import { errorOfExit, isCleanExit } from '../base/exit-reason.ts'
import type { FailureInfo } from '../policy/failure.ts'
import { ask } from './ask.ts'
import { asOfNow, assess } from './assess.ts'
import { carryOut, type Afterwards } from './carry-out.ts'
import { end } from './ending.ts'
import type { Death, Ended } from './event.ts'
import { EXCEEDED, giveUp } from './giving-up.ts'
import { groupOf, heldFor, hold, isWanted, joinWaiting } from './group.ts'
import { settleStopped, start } from './lifecycle.ts'
import { park, verdict } from './park.ts'
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
export function answerDeath(turn: Turn, child: Child, death: Ended, remaining: readonly string[] = []): void {
  const { mode } = turn.state.settings
  child.death = undefined
  if (child.restart === 'temporary') forGood(turn, child, remaining)
  else if (mode === 'otp') answerAsOtp(turn, child, death, remaining)
  else answerWithCare(turn, child, death, remaining)
}

/** The child ended and is not restarted. */
function forGood(turn: Turn, child: Child, remaining: readonly string[]): void {
  if (child.trouble.memory !== undefined) child.troubled.memory = undefined
  if (child.trouble.resume !== undefined) child.troubled.resume = undefined
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
function answerAsOtp(turn: Turn, child: Child, death: Ended, remaining: readonly string[]): void {
  const { state } = turn
  if (death.because === undefined) {
    forGood(turn, child, remaining)
    return
  }
  child.state = 'restarting'
  const { troubled } = child
  child.cause = { ...death.because, plan: state.restarts }
  if (child.readyAt === undefined) {
    // The retry counts as a restart when it is made (E09). The group stays up until then (H07, H08).
    troubled.retry = death
    troubled.group = remaining.length > 0 ? remaining : undefined
    setTimer(turn, child, 0)
    turn.effects.push({ type: 'comeBack', event: { type: 'supervisor.retry', id: child.id } })
  } else if (isAdmitted(turn, child, death)) {
    if (leavesRoom(turn, child)) restart(turn, child, child.trouble.group, death)
    else postpone(turn, child, death)
  }
}

function isAdmitted(turn: Turn, child: Child, { reason }: Death): boolean {
  child.troubled.failures += 1
  const isAdmitted = turn.state.window.admit(turn.now)
  if (!isAdmitted) giveUp(turn, child, 'restart intensity', errorOfExit(child.id, reason))
  return isAdmitted
}

/**
 * Restarts the child's group through a timer. Its other members are stopped now, so that their own exits are not
 * counted (D12).
 */
function postpone(turn: Turn, child: Child, death: Death): void {
  const planned = plannedByOtp(turn, child, death)
  if (planned === undefined) return
  // A strategy of the user's, which may have a memory, is asked only once.
  if (turn.state.settings.builtIn === undefined) child.troubled.planned = planned
  setTimer(turn, child, 0)
  hold(turn, child, groupOf(turn, child, planned, []))
}

/** The ids that the strategy names; `undefined` if the supervisor is ending. */
function plannedByOtp(turn: Turn, child: Child, death = UNKNOWN): readonly string[] | undefined {
  const { planned } = child.trouble
  if (planned !== undefined) return planned
  const plan = ask(turn, child, death, child.cause?.failure, undefined, 0)
  // In mode `otp` actions are restarts, and the order is the supervisor's.
  return plan?.actions === undefined ? plan?.restart : plan.actions.map(({ child: id }) => id)
}

/** Only for a built-in strategy, which does not look at it. */
const UNKNOWN: Death = { reason: { type: 'killed' }, random: 0 }

/** Starts a child whose restart is due. */
export function restartDue(turn: Turn, child: Child): void {
  const { retry, group } = child.trouble
  if (retry === undefined || isAdmitted(turn, child, retry)) restart(turn, child, group, retry)
}

function answerWithCare(turn: Turn, child: Child, death: Ended, remaining: readonly string[]): void {
  const { state } = turn
  const { parkedFor } = child.trouble
  const { because } = death
  const isOver = isCleanExit(death.reason) || because?.failure.class === 'cancelled'
  if (because === undefined || (child.restart === 'transient' && isOver)) {
    forGood(turn, child, remaining)
    return
  }
  const failure = asOfNow(turn, child, death.reason, because.failure)
  const assessment = assess(child, death.reason, failure)
  child.state = 'restarting'
  chooseResume(turn, child, death.reason, failure)
  raiseAlarm(turn, child, failure)
  // The probe of a child that the strategy has parked is the strategy's affair; a child parked by hand had not failed.
  const isJudged = assessment.failedProbe && parkedFor !== 'strategy' && parkedFor !== 'request'
  const cause = isJudged ? judgeProbe(failure, parkedFor) : verdict(turn, child, assessment)
  const isAsked = cause === undefined || state.settings.builtIn === undefined
  child.cause = { ...because, failure, plan: isAsked ? state.restarts : undefined }
  const delay = cause === undefined ? delayOf(turn, child, failure, death.random) : 0
  let planned: readonly string[] = []
  if (isAsked) {
    const plan = ask(turn, child, death, failure, cause, delay)
    if (plan === undefined) return
    if (plan.actions !== undefined) {
      carryOut(turn, child, { actions: plan.actions, assessment, cause, delay, remaining }, AFTERWARDS)
      return
    }
    planned = plan.restart
  }
  if (cause !== undefined) {
    if (child.spec.onExhausted === 'escalate') {
      giveUp(turn, child, EXCEEDED[cause], failure.error, failure)
    } else {
      park(turn, child, cause, assessment)
      resume(turn, remaining)
    }
    return
  }
  const wait = reserve(turn, child, delay)
  if (wait === 0 && !state.window.admit(turn.now)) giveUp(turn, child, 'restart intensity', failure.error, failure)
  else schedule(turn, child, wait, failure, groupOf(turn, child, planned, remaining))
}

/** How long a child waits, in ms: its delay, or if there is none the time that the start rate makes it wait. */
function reserve({ state, now }: Turn, child: Child, delay: number): number {
  if (delay > 0) return delay
  child.troubled.hasPlace = true
  return state.rate.reserve(now)
}

/** What carrying out a plan needs of this file. */
const AFTERWARDS: Afterwards = {
  restart,
  reserve,
  leavesRoom,
  isLastStraw,
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

function raiseAlarm(turn: Turn, child: Child, failure: FailureInfo): void {
  const { crashLoop } = turn.state.settings
  if (crashLoop === 'off') return
  const crashes = countFailure(child.trouble.crashes, crashLoop, turn.now)
  child.troubled.crashes = crashes
  const { failures } = crashes
  if (failures === crashLoop.failures)
    emit(turn, { type: 'child.crash_loop', ...about(turn, child), failures, failure })
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

/** Starts a parked child once, to find out whether the cause is gone. No task waits for it. */
export function probe(turn: Turn, child: Child): void {
  child.troubled.probing = true
  start(turn, child)
}

/** Stops the group of a failed child now, and starts it again after the delay (ms). */
function schedule(turn: Turn, child: Child, delay: number, failure: FailureInfo, group: readonly string[]): void {
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
  if (wait > 0) {
    emit(turn, { type: 'child.backoff', ...about(turn, child), delay: wait, attempt, failure, because: child.cause })
  }
  hold(turn, child, group)
}

/** Starts a failed child and its group, unless the start rate makes it wait. `death`: the failure, in mode `otp`. */
function restart(turn: Turn, child: Child, known: readonly string[] | undefined, death?: Death): void {
  const { mode } = turn.state.settings
  const { troubled } = child
  const wait = troubled.hasPlace ? 0 : turn.state.rate.reserve(turn.now)
  troubled.hasPlace = wait > 0
  if (wait > 0) {
    troubled.until = turn.now + wait
    setTimer(turn, child, wait)
    return
  }
  let group: readonly string[]
  if (mode === 'otp') {
    const planned = plannedByOtp(turn, child, death)
    if (planned === undefined) return
    group = groupOf(turn, child, planned, known ?? [])
  } else group = known?.filter((id) => isWanted(turn, child, id)) ?? [child.id]
  clearTimer(turn, child)
  child.state = 'restarting'
  troubled.settle()
  emit(turn, {
    type: 'child.restart',
    ...about(turn, child),
    attempt: troubled.memory?.last.attempts ?? troubled.failures,
    because: child.cause,
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

/** Starts the children whose start was waiting for a child that stays down. */
export function resume(turn: Turn, remaining: readonly string[]): void {
  if (remaining.length > 0) startGroup(turn, [], remaining)
}

function startGroup(turn: Turn, stops: Child[], group: readonly string[]): void {
  run(turn, GROUP_START, undefined, stops, [...group].reverse())
}

const GROUP_START: Purpose = { failed: answerDeath }
