// Monitors, as in OTP: a watcher is told once when an actor ends.
import type { AnyActorRef } from 'xstate'
import { isOver, noproc, whenOver } from '../actor/exit.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { reportFault } from '../base/platform.ts'
import { tellUser } from '../base/user-code.ts'

export interface DownEvent {
  readonly type: 'down'
  readonly ref: AnyActorRef
  /** For an actor that had ended already: `error`, whose STOPPED error has `details.reason: 'noproc'` (L11). */
  readonly reason: ExitReason
}

type Watcher = AnyActorRef | ((down: DownEvent) => void)

export interface Monitor {
  /**
   * Ends the monitor. With `flush` (default false) an exit that has happened and is on its way is dropped too (L14).
   */
  demonitor(options?: { readonly flush?: boolean }): void
}

/**
 * Tells the watcher once when the actor ends: a function is called, an actor receives `{ type: 'down', ref, reason }`.
 * That happens in a microtask of its own, so that it comes after all that the actor has sent (L13). The watcher is told
 * of an actor that has ended already in the same way. Monitors are independent of each other (L12); those of a watching
 * actor end with it.
 */
export function monitor(ref: AnyActorRef, watcher: Watcher): Monitor {
  let flushed = false
  const down = (reason: ExitReason): void => {
    own?.unsubscribe()
    void Promise.resolve().then(() => {
      if (!flushed) tell(watcher, { type: 'down', ref, reason })
    })
  }
  const subscription = isOver(ref) ? undefined : whenOver(ref, down)
  const own = typeof watcher === 'function' || isOver(watcher) ? undefined : whenOver(watcher, release)
  function release(): void {
    subscription?.unsubscribe()
    own?.unsubscribe()
  }
  if (subscription === undefined) down(noproc(ref))
  return {
    demonitor: ({ flush = false } = {}) => {
      release()
      flushed ||= flush
    },
  }
}

function tell(watcher: Watcher, down: DownEvent): void {
  const failed = (error: unknown): void => {
    reportFault(`the monitor of actor ${down.ref.id} failed`, error)
  }
  if (typeof watcher === 'function') tellUser(watcher, down, failed)
  else if (!isOver(watcher)) tellUser(watcher.send.bind(watcher), down, failed)
}
