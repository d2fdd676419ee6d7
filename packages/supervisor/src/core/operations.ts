// Carries out the administrative operations, or says why one is refused.
import { TerrariumError } from '../base/errors.ts'
import { errorOfExit } from '../base/exit-reason.ts'
import { overlay } from '../base/overlay.ts'
import { describeSpec, type ChildSpec } from '../spec/spec.ts'
import { show } from '../base/show.ts'
import { inDependencyOrder } from '../spec/dependencies.ts'
import { faultOfSpec } from '../spec/validate.ts'
import { isRef, type Address, type Operation, type Reply } from './operation.ts'
import type { Ended } from './event.ts'
import { settleStopped, startFailed } from './lifecycle.ts'
import { isParkable, parkByHand } from './park-by-hand.ts'
import { answerDeath, probe } from './restart.ts'
import { Child, countChildren, listChildren, type CoreState } from './state.ts'
import { run, type Purpose } from './task.ts'
import { answer, clearTimer, refuse, stoppedError, type Turn } from './turn.ts'

/** Why an operation is refused: `details.reason` of its INVALID_ARGUMENT error. */
export type Refusal =
  | 'not_found'
  | 'already_started'
  | 'already_present'
  | 'running'
  | 'restarting'
  | 'not_parked'
  | 'not_parkable'
  | 'breaker_half_open'
  | 'max_children'
  | 'simple_one_for_one'
  | 'bad_request'

/** The mistakes in the specification that an operation carries; `undefined` if there are none. */
export function faultOf({ settings, children }: CoreState, call: Operation): TerrariumError | undefined {
  const hasSpec = call.type === 'reconfigure' || (call.type === 'startChild' && settings.template === undefined)
  if (!hasSpec) return undefined
  try {
    return faultOfSpec(call.type === 'reconfigure' ? call.spec : call.specOrInput, settings, children)
  } catch (error) {
    return unreadable(error)
  }
}

/**
 * Refuses `restartChild` at once while a probe of the child is starting; returns true if it did. In the queue the call
 * might get its turn after that probe has failed, and would then probe the child a second time (X16).
 */
export function refuseIfProbed(turn: Turn, call: Operation, reply: Reply): boolean {
  const child = call.type === 'restartChild' ? find(turn.state, call.child) : undefined
  if (child?.state !== 'starting' || !child.trouble.probing) return false
  deny(turn, reply, child.id, 'breaker_half_open')
  return true
}

/** Carries out one administrative operation whose turn has come. */
export function perform(turn: Turn, call: Operation, reply: Reply): void {
  const fault = faultOf(turn.state, call)
  if (fault === undefined) performFaultless(turn, call, reply)
  else refuse(turn, reply, fault)
}

/** Reads an argument. A getter or a proxy may throw; then the operation is refused and the result is `undefined`. */
function readArgument<T>(turn: Turn, reply: Reply, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    refuse(turn, reply, unreadable(error))
    return undefined
  }
}

function unreadable(cause: unknown): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', 'the argument cannot be read: looking at it throws', {
    cause,
    details: { reason: 'bad_request' satisfies Refusal },
  })
}

function performFaultless(turn: Turn, call: Operation, reply: Reply): void {
  const { state } = turn
  switch (call.type) {
    case 'whichChildren':
      answer(turn, reply, listChildren(state).reverse())
      return
    case 'countChildren':
      answer(turn, reply, countChildren(state, call.isOver ?? (() => false)))
      return
    case 'startChild':
      startChild(turn, call.specOrInput, reply)
      return
    case 'reconfigure':
      reconfigure(turn, call.spec, reply)
      return
    default:
      performOn(turn, call, reply)
  }
}

function performOn(turn: Turn, call: Extract<Operation, { child: Address }>, reply: Reply): void {
  const { template } = turn.state.settings
  if (template !== undefined && isOnlyById(call)) {
    deny(turn, reply, call.child, 'simple_one_for_one')
    return
  }
  const child = find(turn.state, call.child)
  if (child === undefined) {
    performOnMissing(turn, call, reply)
    return
  }
  switch (call.type) {
    case 'getChildSpec':
      answer(turn, reply, describeSpec(child.spec))
      return
    case 'terminateChild':
      terminateChild(turn, child, reply)
      return
    case 'restartChild':
      restartChild(turn, child, call.force === true, reply)
      return
    case 'deleteChild':
      deleteChild(turn, child, reply)
      return
    case 'park':
      if (isParkable(turn, child)) parkByHand(turn, child, call.why, reply)
      else deny(turn, reply, child.id, 'not_parkable')
      return
    case 'unpark':
      if (child.state !== 'parked') {
        deny(turn, reply, child.id, 'not_parked')
        return
      }
      child.cause = undefined
      probe(turn, child)
      answer(turn, reply)
      return
    case 'whatIf':
      turn.effects.push({ type: 'imagine', id: child.id, error: call.error, options: call, reply })
      return
    default:
      deny(turn, reply, child.id, 'bad_request')
  }
}

/**
 * Answers for a child that is not there. An actor that has ended may have been one of the template's children (K06).
 */
function performOnMissing(turn: Turn, call: Extract<Operation, { child: Address }>, reply: Reply): void {
  const { template } = turn.state.settings
  const isGone = template !== undefined && 'isOver' in call && call.isOver?.() === true
  if (call.type === 'terminateChild' && isGone) answer(turn, reply)
  else if (call.type === 'getChildSpec' && template !== undefined && (isGone || call.child === template.id)) {
    answer(turn, reply, describeSpec(template))
  } else deny(turn, reply, call.child, 'not_found')
}

/**
 * Finds a child: a dynamic one by its actor, others by id (J10, K05). An actor stands for its child until a later actor
 * has become ready, so that a child can be addressed while it waits, or fails again and again (H11, K14).
 */
function find({ children, settings }: CoreState, address: Address): Child | undefined {
  if (settings.kind === 'static') return typeof address === 'string' ? children.get(address) : undefined
  const child = isRef(address) ? children.get(address.id) : undefined
  return (child?.ref ?? child?.lastRef) === address || child?.knownAs === address ? child : undefined
}

/** True for operations that make no sense for a child without a specification of its own (K05). */
function isOnlyById({ type, child }: Extract<Operation, { child: Address }>): boolean {
  return type === 'restartChild' || type === 'deleteChild' || (type === 'terminateChild' && typeof child === 'string')
}

function startChild(turn: Turn, specOrInput: unknown, reply: Reply): void {
  const { state } = turn
  const { kind, maxChildren } = state.settings
  const child = readArgument(turn, reply, () => newChild(state, specOrInput))
  if (child === undefined) return
  const present = state.children.get(child.id)
  if (kind !== 'static' && state.children.size >= maxChildren) deny(turn, reply, child.spec.id, 'max_children')
  else if (present === undefined) add(turn, child, reply)
  else if (present.state !== 'running' && present.state !== 'starting') deny(turn, reply, child.id, 'already_present')
  else deny(turn, reply, child.id, 'already_started', { ref: present.ref ?? present.lastRef })
}

/** Makes the child of `startChild`. A dynamic child gets an id of its own. */
function newChild({ settings, lastInstance }: CoreState, specOrInput: unknown): Child {
  const { template, kind, extraInput } = settings
  const spec = template ?? settings.resolveSpec(specOrInput as ChildSpec)
  if (kind === 'static') return new Child(spec)
  const input =
    template === undefined ? overlay(extraInput, spec.source.input) : overlay(template.source.input, specOrInput)
  return new Child(spec, `${spec.id}:${lastInstance + 1}`, input)
}

function add(turn: Turn, child: Child, reply: Reply): void {
  turn.state.children.set(child.id, child)
  if (turn.state.settings.kind === 'static') reorder(turn.state, child)
  else turn.state.lastInstance += 1
  startFor(turn, child, reply, forget)
}

/** Sorts the children by their dependencies again, after the dependencies of one child have changed. */
function reorder(state: CoreState, { dependsOn }: Child): void {
  const { children } = state
  state.hasDependencies ||= dependsOn.length > 0
  if (!state.hasDependencies) return
  const { order } = inDependencyOrder([...children.values()])
  children.clear()
  for (const child of order) children.set(child.id, child)
}

function forget({ state }: Turn, { id }: Child): void {
  state.children.delete(id)
}

/**
 * Gives a child a new specification and forgets its failures. A child that is down because it failed is started with
 * it; any other child gets it with its next start. The same specification again changes nothing (X19).
 */
function reconfigure(turn: Turn, given: unknown, reply: Reply): void {
  const { children, settings } = turn.state
  const read = readArgument(turn, reply, () => {
    const spec = settings.resolveSpec(given as ChildSpec)
    const child = settings.kind === 'static' ? children.get(spec.id) : undefined
    const input: unknown = spec.source.input
    return { spec, child, input, isSame: child && isSameSpec(child.spec.source, spec.source) }
  })
  if (read === undefined) return
  const { spec, child, input, isSame } = read
  if (child === undefined) {
    deny(turn, reply, spec.id, 'not_found')
    return
  }
  if (isSame === true) {
    answer(turn, reply, child.ref)
    return
  }
  child.spec = spec
  child.input = input
  reorder(turn.state, child)
  const { troubled } = child
  troubled.memory = undefined
  troubled.history = undefined
  troubled.resume = undefined
  const isDown = child.state === 'parked' && child.trouble.parkedFor !== 'request'
  if (isDown || child.isWaiting) startGroupNow(turn, child, reply)
  else answer(turn, reply, child.ref)
}

function isSameSpec(one: ChildSpec, other: ChildSpec): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as ReadonlySet<keyof ChildSpec>
  return [...names].every((name) => Object.is(one[name], other[name]))
}

/** Stops one child. Siblings are not touched, whatever the strategy (J11). */
function terminateChild(turn: Turn, child: Child, reply: Reply): void {
  child.cause = undefined
  child.isHeld = false // before it is stopped, so that a dynamic child is deleted
  run(turn, TERMINATION, { child, reply }, [child], [])
}

const TERMINATION: Purpose<{ readonly child: Child; readonly reply: Reply }> = {
  done(turn, { child, reply }) {
    if (child.trouble.history !== undefined) child.troubled.history = undefined
    if (child.trouble.resume !== undefined) child.troubled.resume = undefined
    answer(turn, reply)
  },

  aborted(turn, { reply }) {
    refuse(turn, reply, stoppedError(turn.state.settings.id))
  },
}

function restartChild(turn: Turn, child: Child, force: boolean, reply: Reply): void {
  switch (child.state) {
    case 'starting':
    case 'running':
    case 'stopping':
      deny(turn, reply, child.id, 'running')
      return
    case 'restarting':
    case 'backing_off':
      if (!force) {
        deny(turn, reply, child.id, 'restarting')
        return
      }
      startGroupNow(turn, child, reply)
      return
    case 'parked':
      child.troubled.probing = true
      child.state = 'restarting'
      startFor(turn, child, reply, answerDeath)
      return
    case 'stopped':
      startFor(turn, child, reply, settleStopped)
  }
}

/** Starts a child and its held group now instead of when they are due (X06). */
function startGroupNow(turn: Turn, child: Child, reply: Reply): void {
  const group = [...(child.trouble.group ?? [child.id])]
  clearTimer(turn, child)
  child.state = 'restarting'
  child.trouble.settle()
  startFor(turn, child, reply, answerDeath, group)
}

function deleteChild(turn: Turn, child: Child, reply: Reply): void {
  if (child.isWaiting) deny(turn, reply, child.id, 'restarting')
  else if (child.state !== 'stopped' && child.state !== 'parked') deny(turn, reply, child.id, 'running')
  else {
    clearTimer(turn, child)
    turn.state.children.delete(child.id)
    answer(turn, reply)
  }
}

type StartFailed = (turn: Turn, failed: Child, death: Ended, remaining: readonly string[]) => void

/**
 * Starts a child for a caller that waits for its ref. A failure is returned to the caller, and does not count as a
 * restart (B12, E11).
 */
function startFor(turn: Turn, child: Child, reply: Reply, failed: StartFailed, group = [child.id]): void {
  const { children } = turn.state
  for (const id of group) forgive(children.get(id))
  run(turn, REQUESTED_START, { child, reply, failed }, [], group.reverse())
}

/** The start of a child has no failure as its reason. */
function forgive(child: Child | undefined): void {
  if (child !== undefined) child.cause = undefined
}

const REQUESTED_START: Purpose<{ readonly child: Child; readonly reply: Reply; readonly failed: StartFailed }> = {
  needsActor: true,

  done(turn, { child, reply }) {
    forgetInput(child)
    const { ref, lastRef, death } = child
    answer(turn, reply, death === undefined ? ref : lastRef)
  },

  failed(turn, one, death, remaining, { reply, failed }) {
    const error = startFailed(turn.state.settings.id, one.id, errorOfExit(one.id, death.reason))
    refuse(turn, reply, error)
    failed(turn, one, death, remaining)
  },

  aborted(turn, { reply }) {
    refuse(turn, reply, stoppedError(turn.state.settings.id))
  },
}

/** Drops the input of a temporary child, which is never started again (C11). */
function forgetInput(child: Child): void {
  if (child.restart !== 'temporary' || child.input === undefined) return
  child.input = undefined
  if (child.spec.source.input === undefined) return
  const source: ChildSpec = { ...child.spec.source, input: undefined }
  child.spec = { ...child.spec, source }
}

const REFUSALS: Readonly<Record<Refusal, string>> = {
  not_found: 'does not exist',
  already_started: 'exists already and runs',
  already_present: 'exists already',
  running: 'is running',
  restarting: 'is about to be restarted',
  not_parked: 'is not parked',
  not_parkable: 'cannot be parked: it is temporary, or the mode is `otp`',
  breaker_half_open: 'is being probed already',
  max_children: 'would be one too many',
  bad_request: 'knows no such operation',
  simple_one_for_one: 'has no id: address it by its ref, and start a new one instead of restarting it',
}

function hintFor({ settings }: CoreState, address: unknown): string | undefined {
  if (settings.kind === 'static')
    return isRef(address) ? 'Address the child by its id: its ref changes with each start.' : undefined
  return isRef(address) ? undefined : 'Address a dynamic child by its ref, which startChild() has answered.'
}

function deny(
  turn: Turn,
  reply: Reply,
  address: unknown,
  reason: Refusal,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const supervisor = turn.state.settings.id
  const child = isRef(address) ? address.id : typeof address === 'string' ? address : show(address)
  const message = `child ${child} of supervisor ${supervisor} ${REFUSALS[reason]}`
  refuse(
    turn,
    reply,
    new TerrariumError('INVALID_ARGUMENT', message, {
      hint: reason === 'not_found' ? hintFor(turn.state, address) : undefined,
      details: { supervisor, child, reason, ...more },
    }),
  )
}
