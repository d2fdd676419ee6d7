// Host calls begin and are answered.
import { askBack } from './ahead.ts'
import type { Call } from './call.ts'
import { endWait } from './host-time.ts'
import { advance } from './placement.ts'
import type { Slot } from './slot.ts'
import type { Turn } from './turn.ts'

/** The tool of the call has called a function of the host. */
export function called(turn: Turn, call: Call): void {
  const { slot } = call
  if (slot === undefined || call.overdue) return
  if (call.isAhead) advance(turn, call, slot) // it has begun
  call.hosts += 1
  if (call.hosts > 1) return
  slot.hosts += 1
  call.hostSince = turn.now
  if (call.batchOf !== call && slot.isBatch(call.tool)) noteBatch(call)
  if (slot.ordinary > 1 && slot.running === call) freeNested(turn, call, slot)
}

/**
 * The first call of a batch calls for all of it. The others have begun with it: they are among the calls of its tool
 * that have come after it, up to the first call of another batch.
 */
function noteBatch(first: Call): void {
  first.batchOf = first
  for (let call = first.next; call !== undefined; call = call.next) {
    if (call.tool !== first.tool) continue
    if (call.batchOf === call) return
    call.batchOf = first
  }
}

/** Nested calls that a worker has not begun do not wait for a main thread that waits itself. */
function freeNested(turn: Turn, main: Call, slot: Slot): void {
  // A call before it waits for the others of its batch.
  for (let { first: call } = slot.calls; call !== undefined; call = call.next) {
    if (call.parent !== undefined && !call.isAsync && call !== main) askBack(turn, call, slot)
  }
}

export function answered({ now }: Turn, call: Call): void {
  if (call.hosts === 0) return
  call.hosts -= 1
  if (call.hosts === 0) endWait(call, now)
}
