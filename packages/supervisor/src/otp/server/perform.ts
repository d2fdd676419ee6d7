// Runs a callback of a server that may be asynchronous, and continues with its result.
import type { AnyActorRef } from 'xstate'
import { isOver } from '../../actor/exit.ts'
import { reportFault } from '../../base/platform.ts'
import { isPromiseLike } from '../../base/user-code.ts'

/** The event that a promise of a server's callback is settled; `resume` continues the work. */
export interface Resume {
  readonly type: 'server.resume'
  readonly resume: () => void
}

/**
 * Runs a callback of a server and continues with its result: at once, or, if it is a promise, when the server receives
 * the event that it is settled. If the server has ended by then, a result is dropped and an error is reported.
 */
export function perform<T>(
  self: AnyActorRef,
  work: () => T | PromiseLike<T>,
  then: (result: T) => void,
  failed: (error: unknown) => void,
): void {
  let result: T | PromiseLike<T>
  try {
    result = work()
  } catch (error) {
    failed(error)
    return
  }
  if (!isPromiseLike(result)) {
    then(result)
    return
  }
  const resume = (how: () => void): void => {
    self.send({ type: 'server.resume', resume: how } satisfies Resume)
  }
  result.then(
    (late) => {
      if (isOver(self)) return
      resume(() => {
        then(late)
      })
    },
    (error: unknown) => {
      if (isOver(self)) reportFault(`server ${self.id} failed after its end`, error)
      else {
        resume(() => {
          failed(error)
        })
      }
    },
  )
}
