// Checks the actions that a strategy has answered with.
import { Checker, isFields, isList, isName, isNumber, type Fields, type Names } from '../base/checker.ts'
import { LONGEST_DELAY } from '../base/clock.ts'
import { show } from '../base/show.ts'
import type { PlanAction } from '../spec/strategy.ts'

/** The fields of each action. */
const ACTIONS: Readonly<Record<PlanAction['action'], Names>> = {
  restart: { action: true, child: true, because: true },
  stop: { action: true, child: true, because: true },
  park: { action: true, child: true, for: true, because: true },
  delay: { action: true, child: true, by: true, because: true },
  escalate: { action: true, child: true, because: true },
}
const NAMES = Object.keys(ACTIONS)

interface Asked {
  readonly failed: string
  readonly children: { has(id: string): boolean }
  readonly supervisor: string
  readonly mode: 'default' | 'otp'
}

/** Reads the actions of a plan once, and adds each mistake to `mistakes`. */
export function readActions(given: unknown, asked: Asked, mistakes: string[]): readonly PlanAction[] {
  if (!isList(given)) {
    mistakes.push(`actions must be an array, not ${show(given)}`)
    return []
  }
  const steps = Array.from(given, (step, index) => readAction(step, index, asked, mistakes))
  checkTogether(steps, asked, mistakes)
  return steps as unknown as readonly PlanAction[]
}

function readAction(given: unknown, index: number, asked: Asked, mistakes: string[]): Fields {
  const at = `actions[${index}]`
  if (!isFields(given)) {
    mistakes.push(`${at} must be { action, child }, not ${show(given)}`)
    return {}
  }
  const step: Fields = { ...given }
  const check = new Checker(`${at}.`)
  check.required(step, 'action', (value) => NAMES.includes(value as string), `one of ${NAMES.join(', ')}`)
  check.required(step, 'child', isName, 'the id of a child')
  check.field(step, 'because', (value) => typeof value === 'string', 'a string')
  const { action, child } = step
  if (action === 'park') check.field(step, 'for', (value) => isWait(value) && value > 0, WAIT_MORE)
  if (action === 'delay') check.required(step, 'by', isWait, WAIT)
  if (Object.hasOwn(ACTIONS, String(action))) check.known(step, ACTIONS[action as PlanAction['action']])
  if (isName(child) && !asked.children.has(child)) {
    check.say('invalid_option', `child names ${show(child)}, no child of supervisor ${asked.supervisor}`)
  }
  if (asked.mode === 'otp' && action !== 'restart' && NAMES.includes(action as string)) {
    check.say('invalid_option', `action ${String(action)} does not exist in mode otp`)
  }
  mistakes.push(...check.mistakes.map(({ text }) => text))
  return step
}

/** The mistakes that no action has by itself. */
function checkTogether(steps: readonly Fields[], { failed }: Asked, mistakes: string[]): void {
  const ids = steps.map(({ child }) => child)
  const repeated = new Set(ids.filter((id, index) => isName(id) && ids.indexOf(id) !== index))
  for (const id of repeated) mistakes.push(`actions name ${show(id)} more than once`)
  if (!ids.includes(failed)) mistakes.push(`actions leave out ${show(failed)}, the child that has failed`)
  const escalated = steps.filter(({ action }) => action === 'escalate')
  if (escalated.length === 0) return
  if (steps.length > 1) mistakes.push('escalate must be the only action')
  if (escalated.some(({ child }) => child !== failed)) {
    mistakes.push(`escalate is for ${show(failed)}, the child that has failed`)
  }
}

const WAIT = `ms, from 0 to ${LONGEST_DELAY}`
const WAIT_MORE = `ms, more than 0 and at most ${LONGEST_DELAY}`

function isWait(value: unknown): value is number {
  return isNumber(value) && value >= 0 && value <= LONGEST_DELAY
}
