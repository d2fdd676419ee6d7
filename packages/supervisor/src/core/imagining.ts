// Whether a failure is only imagined. This stands apart from the what-if, which is loaded when the first is asked.
import { TerrariumError } from '../base/errors.ts'

let depth = 0

/** True while a failure is only imagined. What the user's hooks answer meanwhile is not recorded. */
export function isImagining(): boolean {
  return depth > 0
}

/** Runs a function while {@link isImagining} is true. */
export function whileImagining<T>(run: () => T): T {
  depth += 1
  try {
    return run()
  } finally {
    depth -= 1
  }
}

/** The error of a what-if that has no answer. */
export function unforeseen(id: string, cause: unknown): TerrariumError {
  return new TerrariumError('INVALID_ARGUMENT', `what would follow from a failure of ${id} cannot be told`, { cause })
}
