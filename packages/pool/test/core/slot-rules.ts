// The rules that hold for the calls of one slot, whatever has happened. For property tests.
import type { Call } from '../../src/core/call.ts'
import type { Slot } from '../../src/core/slot.ts'

/** The most calls that may be ahead of one worker, and their bytes. */
const MOST_AHEAD = 32
const MOST_BYTES = 16 * 1024
const MOST_BYTES_AHEAD = 64 * 1024

/** All calls of a list. `first`: of the list. */
export function listed(first: Call | undefined): Call[] {
  const calls = []
  for (let call = first; call !== undefined; call = call.next) calls.push(call)
  return calls
}

export function must(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise)
}

export const inOrder = (calls: readonly Call[]): boolean =>
  calls.every((call, index) => index === 0 || (calls[index - 1]?.order ?? 0) < call.order)

const bytesOf = (calls: readonly Call[]): number => calls.reduce((sum, { size }) => sum + size, 0)

/** A call was sent beyond `concurrency`. `calls`: with it, all that its worker has. `silent`: in ms. */
export function checkAhead(slot: Slot, calls: readonly Call[], concurrency: number, silent: number): void {
  const ahead = calls.slice(concurrency)
  must(slot.reportsBegun, 'a call is ahead of a worker that does not report what it has begun')
  must(ahead.length <= MOST_AHEAD, 'too many calls ahead')
  must(bytesOf(ahead) <= MOST_BYTES_AHEAD, 'too many bytes ahead')
  must(
    ahead.every(({ size }) => size <= MOST_BYTES),
    'a call with long arguments is ahead',
  )
  for (const { tool, pace, suspect, deaths } of calls) {
    must(tool !== 'async', 'a call is ahead of or behind an async call')
    must(!suspect && deaths === 0, 'a call is ahead of or behind a call with which a worker died')
    must(pace !== undefined && pace.time < 2, 'a call is ahead of or behind a call that is not known to be short')
  }
  must(silent < 2, 'a call is ahead of a worker that has not answered for long')
}

/** `calls`: of the slot. */
export function checkSlot(slot: Slot, calls: readonly Call[], concurrency: number): void {
  const ahead = calls.filter(({ isAhead }) => isAhead)
  const places = calls.length - ahead.length
  must(places <= concurrency, 'more calls than `concurrency` have a place')
  must(ahead.length === 0 || places === concurrency, 'a call is ahead although there is a place')
  must(
    calls.slice(places).every(({ isAhead }) => isAhead),
    'a call ahead stands before a call with a place',
  )
  must(slot.firstAhead === ahead[0] && slot.ahead === ahead.length, 'the calls ahead of a slot are miscounted')
  must(slot.bytesAhead === bytesOf(ahead), 'the bytes ahead are miscounted')
  must(slot.notShort === calls.filter(({ isShort }) => !isShort).length, 'calls that are not short are miscounted')
  must(slot.ordinary === calls.filter(({ tool }) => tool !== 'async').length, 'ordinary calls are miscounted')
  must(slot.recalled === calls.filter(({ recalled }) => recalled).length, 'recalled calls are miscounted')
}

/** Whether a call is not ahead, or is asked back already. */
export const isLookedAfter = ({ isAhead, recalled, state }: Call): boolean =>
  !isAhead || recalled || state === 'settled'
