// What is compared, as text; the counterpart is in otp_runner.erl.
import type { AnyActorRef } from 'xstate'
import {
  administrate,
  isTerrariumError,
  type ChildCounts,
  type ChildInfo,
  type ChildSpec,
  type ExitReason,
} from '@terrarium/supervisor'
import { exitReasonOf } from '@terrarium/supervisor/otp'

export type LabelOf = (ref: unknown) => string

export function reasonText(reason: ExitReason): string {
  switch (reason.type) {
    case 'shutdown':
      return reason.detail === undefined ? 'shutdown' : `shutdown(${causeText(reason.detail)})`
    case 'error':
      return causeText(reason.error)
    case 'normal':
    case 'killed':
      return reason.type
  }
}

/** `failed(CHILD: CAUSE)`, nested, for a supervisor whose child has not started. */
function causeText(cause: unknown): string {
  if (isTerrariumError(cause, 'START_FAILED'))
    return `failed(${String(cause.details.child)}: ${causeText(cause.cause)})`
  if (isTerrariumError(cause, 'STOPPED')) return String(cause.details.exit)
  return cause instanceof Error ? cause.message : String(cause)
}

/** The result of an operation that was refused or has failed. */
export function refusalText(error: unknown, labelOf: LabelOf): string {
  if (isTerrariumError(error, 'STOPPED')) return 'stopped'
  if (isTerrariumError(error, 'START_FAILED')) return `err(failed: ${causeText(error.cause)})`
  if (isTerrariumError(error, 'INVALID_ARGUMENT')) {
    const { reason, ref } = error.details
    return ref === undefined ? `err(${String(reason)})` : `err(${String(reason)} ${labelOf(ref)})`
  }
  throw error
}

export function bootText(error: unknown): string {
  return isTerrariumError(error, 'START_FAILED') ? `err(${causeText(error)})` : 'err(stopped)'
}

export function startedText(ref: AnyActorRef | undefined, labelOf: LabelOf): string {
  return `ok(${ref === undefined ? 'undefined' : labelOf(ref)})`
}

export function specText({ id, restart, shutdown, type, significant }: ChildSpec): string {
  return `ok(${[id, restart, shutdown, type, significant].join(' ')})`
}

export function countsText({ specs, active, supervisors, workers }: ChildCounts): string {
  return `specs ${specs} active ${active} supervisors ${supervisors} workers ${workers}`
}

/** Newest first; dynamic children in no order, and without an id. */
export function childrenText(children: readonly ChildInfo[], dynamic: boolean, labelOf: LabelOf): string {
  const texts = children.map(({ id, type, state, ref }) => {
    const who = ref === undefined ? absentText(state) : labelOf(ref)
    return `${dynamic ? '' : `${id}=`}${who}${type === 'supervisor' ? '/supervisor' : ''}`
  })
  return (dynamic ? texts.sort() : texts).join(' ')
}

function absentText(state: ChildInfo['state']): string {
  if (state === 'restarting' || state === 'stopped') return state
  return state === 'running' ? 'dead' : `?${state}`
}

/** The tree of supervisors below an actor, each with its children. */
export async function treeText(
  ref: AnyActorRef | undefined,
  labelOf: LabelOf,
  isDynamic: (label: string) => boolean,
): Promise<string> {
  if (ref === undefined || exitReasonOf(ref) !== undefined) return '-'
  const children = await administrate(ref).whichChildren()
  const label = labelOf(ref)
  const nested = children.filter(({ type }) => type === 'supervisor').reverse()
  const trees: string[] = []
  for (const child of nested) {
    if (child.ref !== undefined) trees.push(`; ${await treeText(child.ref, labelOf, isDynamic)}`)
  }
  return `${label}: ${childrenText(children, isDynamic(label), labelOf)}${trees.join('')}`
}
