// startTask(): runs a function that returns a promise as a temporary child of a dynamic supervisor.
import type { AnyActorRef } from 'xstate'
import type { Administration } from './administration.ts'
import { TerrariumError } from './base/errors.ts'
import { exitReasonOf, whenOver } from './actor/exit.ts'
import { fromPromise } from './actor/xstate.ts'
import type { ExitReason } from './base/exit-reason.ts'

/** What {@link startTask} runs: XState's promise creator, with `signal` aborted when the task is stopped. */
export type Work<T> = Parameters<typeof fromPromise<T>>[0]

export interface Task<T> {
  /** To `link` it to its caller, to `monitor` it, or to stop it: `tasks.terminateChild(ref)`. */
  readonly ref: AnyActorRef
  /**
   * What the work has returned, or the error it has thrown, or STOPPED with `details.reason` (`shutdown`, `killed`) if
   * it was stopped before. Need not be awaited.
   */
  readonly result: Promise<T>
}

/**
 * Runs a piece of work once, under a `dynamic` supervisor: it is stopped with the supervisor, counts against its
 * `maxChildren`, and shows in its tree and its events.
 *
 * ```ts
 * const tasks = createSupervisor({ id: 'tasks', strategy: 'dynamic', maxChildren: 100 })
 * await tasks.start()
 * const { result } = await startTask(tasks, ({ signal }) => fetch(url, { signal }))
 * ```
 *
 * Rejects as `startChild` does, for instance with INVALID_ARGUMENT, `details.reason: 'max_children'` (P06).
 */
export async function startTask<T>(
  tasks: Pick<Administration, 'startChild'>,
  work: Work<T>,
  { id = 'task' }: { readonly id?: string } = {},
): Promise<Task<T>> {
  // What throws at once is the task's failure as well, not one of its start.
  const logic = fromPromise<T>(async (context) => work(context))
  const ref = (await tasks.startChild({ id, logic, restart: 'temporary' })) as AnyActorRef
  const result = new Promise<T>((resolve, reject) => {
    const settle = (reason: ExitReason): void => {
      if (reason.type === 'normal') resolve(reason.output as T)
      else reject(reason.type === 'error' ? (reason.error as Error) : stopped(ref, reason))
    }
    const reason = exitReasonOf(ref)
    if (reason === undefined) whenOver(ref, settle)
    else settle(reason)
  })
  result.catch(() => undefined)
  return { ref, result }
}

function stopped({ id }: AnyActorRef, { type }: ExitReason): TerrariumError {
  return new TerrariumError('STOPPED', `task ${id} was stopped`, { details: { actor: id, reason: type } })
}
