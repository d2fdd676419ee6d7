// The entry of the core: one event in, effects out. Says in which order news and waiting operations are dealt with.
import { errorOfExit, isExitReason } from '../base/exit-reason.ts'
import type { Because } from '../spec/because.ts'
import type { Effect } from './effect.ts'
import { end, halt } from './ending.ts'
import type { Asked, ChildNews, CoreEvent, Death, Ended, Shutdown } from './event.ts'
import type { Fifo } from './fifo.ts'
import { asked, becomeReady, ended, kill, notReadyInTime, settleStopped, startFailed } from './lifecycle.ts'
import { faultOf, refuseIfProbed, perform } from './operations.ts'
import { answerDeath, probe, restartDue } from './restart.ts'
import { beginLife, startAfresh } from './resume.ts'
import type { Child, CoreState, Pending } from './state.ts'
import { fail, IDLE, oneIsAsked, oneIsDown, proceed, run, taskStarting, type Purpose } from './task.ts'
import { clearTimer, emit, refuse, setTimer, stoppedError, type Turn } from './turn.ts'

/**
 * Takes one event and adds effects. Knows no clock, no promise, no randomness and no XState. The state is updated in
 * place, so that a restart costs the same among ten children and among ten thousand (row "cost per restart").
 *
 * News is recorded at once. What follows from it is decided in order, one thing at a time, as in OTP: an exit, an
 * operation or a due restart waits in the queue while children are being started or stopped.
 *
 * @param now - monotonic, in ms
 *
 * @param effects - new effects are added here, behind the effects that are not carried out yet
 */
export function decide(state: CoreState, event: CoreEvent, now: number, effects: Fifo<Effect>): void {
  const turn: Turn = { state, now, effects, pauses: false }
  takeIn(turn, event)
  answerAll(turn)
}

/** As `decide` for the exit of a child that is known, without the search by id. */
export function decideEnd(state: CoreState, child: Child, death: Death, now: number, effects: Fifo<Effect>): void {
  const turn: Turn = { state, now, effects, pauses: false }
  if (child.isAlive) died(turn, child, death)
  answerAll(turn)
}

function answerAll(turn: Turn): void {
  const { state } = turn
  while (state.task === IDLE && !turn.pauses && !hasTime(state)) {
    const pending = state.queue.shift()
    if (pending === undefined) break
    answer(turn, pending)
  }
}

/**
 * True if nothing waits but retries whose timers still run. As in OTP a retry comes before later operations and exits.
 * If there are none, the event loop gets its turn first.
 */
function hasTime({ queue, children, retries }: CoreState): boolean {
  if (retries === 0 || queue.length > retries || queue.first?.type !== 'retry') return false
  const child = children.get(queue.first.id)
  return child?.trouble.retry !== undefined && child.timer !== undefined
}

function takeIn(turn: Turn, event: CoreEvent): void {
  const { state } = turn
  switch (event.type) {
    case 'supervisor.boot':
      boot(turn, event.because)
      return
    case 'supervisor.shutdown':
      if (state.settings.stopDuringStart === 'wait') state.queue.push(event)
      else shutDown(turn, event)
      return
    case 'supervisor.halt':
      halt(turn, event.reason, event.because)
      return
    case 'supervisor.go_on':
      return
    case 'supervisor.retry':
      state.queue.push({ type: 'retry', id: event.id })
      state.retries += 1
      return
    case 'supervisor.death':
      state.queue.push({ type: 'death', id: event.id, startNumber: event.startNumber })
      return
    case 'supervisor.call':
      ask(turn, event)
      return
    case 'supervisor.timer': {
      const child = state.children.get(event.id)
      if (child?.timer === event.timer) timeIsUp(turn, child, event)
      return
    }
    default:
      news(turn, event)
  }
}

function ask(turn: Turn, event: Asked): void {
  const { state } = turn
  const { id, kind } = state.settings
  const isOpen = state.phase === 'starting' || state.phase === 'running'
  // As in Elixir, strategy `dynamic` checks a specification before it waits in the queue; OTP's supervisor checks it
  // afterwards (K11).
  const early = kind === 'dynamic' ? faultOf(state, event.call) : undefined
  const fault = isOpen ? early : stoppedError(id)
  if (fault !== undefined) refuse(turn, event.reply, fault)
  else if (!refuseIfProbed(turn, event.call, event.reply)) state.queue.push(event)
}

/** Records news of one start. */
function news(turn: Turn, event: ChildNews): void {
  const found = turn.state.children.get(event.id)
  const child = found?.startNumber === event.startNumber && found.isAlive ? found : undefined
  switch (event.type) {
    case 'supervisor.child.spawned':
      if (child?.state === 'starting') spawned(turn, child, event)
      else turn.effects.push({ type: 'kill', ref: event.ref })
      return
    case 'supervisor.child.making': {
      const task = child === undefined ? undefined : taskStarting(turn, child)
      if (task !== undefined && !child?.spec.awaitReady && task.purpose.needsActor !== true) proceed(turn, task)
      return
    }
    case 'supervisor.child.ready':
      if (child?.state !== 'starting') return
      becomeReady(turn, child)
      goOn(turn, child)
      return
    case 'supervisor.child.ignored':
      if (child?.state !== 'starting') return
      settleStopped(turn, child)
      goOn(turn, child)
      return
    case 'supervisor.child.asked':
      if (child?.state !== 'stopping') return
      asked(turn, child)
      oneIsAsked(turn, child)
      return
    case 'supervisor.child.exited':
      if (child !== undefined) died(turn, child, event)
  }
}

function spawned(turn: Turn, child: Child, event: Extract<ChildNews, { type: 'supervisor.child.spawned' }>): void {
  const { ref } = event
  const { id, incarnation } = child
  child.ref = ref
  child.lastRef = undefined
  child.knownAs ??= ref
  const { resumed } = event
  beginLife(child, resumed === true)
  const begun = { supervisor: turn.state.settings.id, id, incarnation, ref, because: child.cause }
  emit(turn, { type: 'child.start', ...begun, ...(resumed && { resumed }) })
  const task = taskStarting(turn, child)
  if (event.ready) becomeReady(turn, child)
  if (event.death !== undefined) {
    // The exit is answered behind all that was sent to the supervisor before it.
    child.death = ended(turn, child, event.death)
    turn.effects.push({ type: 'comeBack', event: { type: 'supervisor.death', id, startNumber: child.startNumber } })
  }
  if (task !== undefined && (event.ready || !child.spec.awaitReady)) proceed(turn, task)
}

/** Continues the task that waits for this start. */
function goOn(turn: Turn, child: Child): void {
  const task = taskStarting(turn, child)
  if (task !== undefined) proceed(turn, task)
}

function died(turn: Turn, child: Child, death: Death): void {
  afterDeath(turn, child, ended(turn, child, death))
}

function afterDeath(turn: Turn, child: Child, death: Ended): void {
  if (child.state === 'stopping') {
    settleStopped(turn, child)
    oneIsDown(turn, child)
    return
  }
  const task = taskStarting(turn, child)
  if (task !== undefined && child.spec.awaitReady) {
    if (!startAfresh(turn, child, death)) fail(turn, task, child, death)
    return
  }
  child.death = death
  turn.state.queue.push({ type: 'death', id: child.id, startNumber: child.startNumber })
  if (task !== undefined) proceed(turn, task)
}

function timeIsUp(
  turn: Turn,
  child: Child,
  { timer, random, time }: Extract<CoreEvent, { type: 'supervisor.timer' }>,
): void {
  switch (child.state) {
    case 'starting': {
      const error = notReadyInTime(child, child.spec.startTimeout ?? 0)
      cutShort(turn, child, { reason: { type: 'error', error }, random, time })
      return
    }
    case 'stopping':
      cutShort(turn, child, { reason: { type: 'killed' }, random, time })
      return
    case 'restarting':
    case 'backing_off':
    case 'parked':
      if (child.trouble.retry === undefined) turn.state.queue.push({ type: 'due', id: child.id, timer })
      else clearTimer(turn, child)
      return
    case 'running':
    case 'stopped':
      clearTimer(turn, child)
  }
}

/** Ends a child whose start time or shutdown time is over. */
function cutShort(turn: Turn, child: Child, death: Death): void {
  afterDeath(turn, child, kill(turn, child, death))
}

function answer(turn: Turn, pending: Pending): void {
  const { children } = turn.state
  switch (pending.type) {
    case 'supervisor.shutdown':
      shutDown(turn, pending)
      return
    case 'supervisor.call':
      perform(turn, pending.call, pending.reply)
      return
    case 'death': {
      const child = children.get(pending.id)
      if (child?.startNumber === pending.startNumber && child.death !== undefined) answerDeath(turn, child, child.death)
      return
    }
    case 'retry': {
      turn.state.retries -= 1
      const child = children.get(pending.id)
      if (child?.state === 'restarting' && child.trouble.retry !== undefined) restartDue(turn, child)
      return
    }
    case 'due': {
      const child = children.get(pending.id)
      if (child?.timer !== pending.timer) return
      if (child.state === 'parked') probe(turn, child)
      else restartDue(turn, child)
    }
  }
}

function shutDown(turn: Turn, { reason, because }: Shutdown): void {
  end(turn, isExitReason(reason) ? reason : { type: 'shutdown' }, because)
}

function boot(turn: Turn, because: Because | undefined): void {
  const { state } = turn
  if (state.phase !== 'idle') return
  state.phase = 'starting'
  for (const child of state.children.values()) {
    // A child that an earlier life has parked; see recall().
    const { until } = child.trouble
    child.cause = because
    if (child.state === 'parked' && until !== undefined) setTimer(turn, child, until - turn.now)
  }
  run(turn, BOOT, undefined, [], [...state.children.keys()].reverse())
}

const BOOT: Purpose = {
  /** The supervisor is running. Observers see that before anything in the queue can end it (B02, B15). */
  done(turn) {
    turn.state.phase = 'running'
    if (turn.state.queue.length === 0) return
    turn.pauses = true
    turn.effects.push({ type: 'goOn' })
  },

  failed(turn, child, death) {
    const { id, giveUpWith } = turn.state.settings
    settleStopped(turn, child)
    const error = startFailed(id, child.id, errorOfExit(child.id, death.reason))
    end(turn, giveUpWith === 'shutdown' ? { type: 'shutdown', detail: error } : { type: 'error', error }, death.because)
  },
}
