import type { AnyActorRef } from 'xstate'
import { isOver } from '../../actor/exit.ts'
import { reportFault } from '../../base/host.ts'
import { isPromiseLike } from '../../base/user-code.ts'

/** A promise that a server has been waiting for is settled; `resume` says how it goes on. */
export interface Resume {
  readonly type: 'server.resume'
  readonly resume: () => void
}

/**
 * Does a piece of a server's work, and goes on with what comes of it: at once, or, if that is a promise, when the
 * server receives the event that it is settled. If the server is over by then a result is dropped and an error is
 * reported.
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
