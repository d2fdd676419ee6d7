// Guards the `inspect` option of a supervisor or a pool. No types of XState, which the base does not import.
import type { OnFault } from './platform.ts'
import { reportOnce, tellUser } from './user-code.ts'

/** A function or an observer, as XState takes it. */
type Inspector<TEvent> = ((event: TEvent) => unknown) | { readonly next?: ((event: TEvent) => unknown) | undefined }

/**
 * Guards an inspector. In XState an error of an inspector reaches the sender of the inspected event. An inspector sees
 * every event, so only its first failure is reported.
 */
export function harmless<TEvent>(inspect: Inspector<TEvent>, id: string, tell: OnFault): (event: TEvent) => void {
  const report = reportOnce(tell)
  const failed = (error: unknown): void => {
    report(`the inspector of supervisor ${id} failed`, error)
  }
  // The inspector may return a promise that rejects.
  const show = (event: TEvent): unknown => (typeof inspect === 'function' ? inspect(event) : inspect.next?.(event))
  return (event) => {
    tellUser(show, event, failed)
  }
}
