import { TerrariumError } from '../errors.ts'
import { errorOfExit } from '../exit-reason.ts'
import { describeSpec } from '../spec.ts'
import type { Call, Reply } from './call.ts'
import { settleStopped, startFailed } from './lifecycle.ts'
import { answerDeath, probe } from './restart.ts'
import { Child, countChildren, listChildren, type Death } from './state.ts'
import { run } from './task.ts'
import { answer, clearTimer, refuse, stoppedError, type Turn } from './turn.ts'

/** Why an operation is refused: `details.reason` of its INVALID_ARGUMENT error. */
export type Refusal = 'not_found' | 'already_started' | 'already_present' | 'running' | 'restarting' | 'not_parked'

/** Carries out one administrative operation whose turn has come. */
export function perform(turn: Turn, call: Call, reply: Reply): void {
  const { state } = turn
  switch (call.type) {
    case 'whichChildren':
      answer(turn, reply, listChildren(state).toReversed())
      return
    case 'countChildren':
      answer(turn, reply, countChildren(state))
      return
    case 'startChild':
      startChild(turn, new Child(state.settings.resolveSpec(call.spec)), reply)
      return
    default: {
      const child = state.children.get(call.id)
      if (child === undefined) deny(turn, reply, call.id, 'not_found')
      else performOn(turn, child, call.type, reply)
    }
  }
}

function performOn(turn: Turn, child: Child, type: Extract<Call, { id: string }>['type'], reply: Reply): void {
  switch (type) {
    case 'getChildSpec':
      answer(turn, reply, describeSpec(child.spec))
      return
    case 'terminateChild':
      terminateChild(turn, child, reply)
      return
    case 'restartChild':
      restartChild(turn, child, reply)
      return
    case 'deleteChild':
      deleteChild(turn, child, reply)
      return
    case 'unpark':
      if (child.state !== 'parked') {
        deny(turn, reply, child.id, 'not_parked')
        return
      }
      probe(turn, child)
      answer(turn, reply)
  }
}

function startChild(turn: Turn, child: Child, reply: Reply): void {
  const { children } = turn.state
  const present = children.get(child.id)
  if (present !== undefined) {
    const started = present.state === 'running' || present.state === 'starting'
    deny(turn, reply, child.id, started ? 'already_started' : 'already_present')
    return
  }
  children.set(child.id, child)
  startFor(turn, child, reply, () => {
    children.delete(child.id)
  })
}

/** Siblings are left alone, whatever the strategy (J11). */
function terminateChild(turn: Turn, child: Child, reply: Reply): void {
  run(turn, {
    stops: [child.id],
    starts: [],
    done: (later) => {
      answer(later, reply)
    },
    failed: () => undefined,
    aborted: (later) => {
      refuse(later, reply, stoppedError(later.state.settings.id))
    },
  })
}

function restartChild(turn: Turn, child: Child, reply: Reply): void {
  switch (child.state) {
    case 'starting':
    case 'running':
    case 'stopping':
      deny(turn, reply, child.id, 'running')
      return
    case 'restarting':
    case 'backing_off':
      deny(turn, reply, child.id, 'restarting')
      return
    case 'parked':
      child.probing = true
      child.state = 'restarting'
      startFor(turn, child, reply, (later, death) => {
        answerDeath(later, child, death)
      })
      return
    case 'stopped':
      startFor(turn, child, reply, (later) => {
        settleStopped(later, child)
      })
  }
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

/** Starts a child for somebody who waits for its ref. A failure is his to know, and is not counted as a restart (B12, E11). */
function startFor(turn: Turn, child: Child, reply: Reply, failed: (turn: Turn, death: Death) => void): void {
  const supervisor = turn.state.settings.id
  run(turn, {
    stops: [],
    starts: [child.id],
    done: (later) => {
      answer(later, reply, child.ref)
    },
    failed: (later, _child, death) => {
      refuse(later, reply, startFailed(supervisor, child.id, errorOfExit(child.id, death.reason)))
      failed(later, death)
    },
    aborted: (later) => {
      refuse(later, reply, stoppedError(supervisor))
    },
  })
}

const REFUSALS: Readonly<Record<Refusal, string>> = {
  not_found: 'does not exist',
  already_started: 'exists already and runs',
  already_present: 'exists already',
  running: 'is running',
  restarting: 'is about to be restarted',
  not_parked: 'is not parked',
}

function deny(turn: Turn, reply: Reply, child: string, reason: Refusal): void {
  const supervisor = turn.state.settings.id
  const message = `child ${child} of supervisor ${supervisor} ${REFUSALS[reason]}`
  refuse(turn, reply, new TerrariumError('INVALID_ARGUMENT', message, { details: { supervisor, child, reason } }))
}
