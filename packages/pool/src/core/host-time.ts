// How long a call waits for functions of the host, and the end of its host calls.
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Call } from './call.ts'
import type { Turn } from './turn.ts'

/** The call has ended, or its worker is gone, or it was stopped: nothing waits for its host calls any more. */
export function endHostCalls({ effects, now }: Turn, call: Call, error = endOf(call)): void {
  if (call.hosts === 0) return
  call.hosts = 0
  endWait(call, now)
  effects.push({ type: 'endHostCalls', call, error })
}

const endOf = ({ tool }: Call): TerrariumError =>
  new TerrariumError('CANCELLED', `the call of ${tool} has ended, and its host calls with it`)

/** No host call of the call is open any more. */
export function endWait(call: Call, now: number): void {
  call.hostTime += now - call.hostSince
  if (call.slot !== undefined) call.slot.hosts -= 1
}

/** How long the call has waited for functions of the host, in ms. */
export const hostTimeOf = ({ hostTime, hosts, hostSince }: Call, now: number): number =>
  hostTime + (hosts > 0 ? now - hostSince : 0)
