// Steps and differences as lines of text.
import type { Difference, Step } from '@terrarium/supervisor/replay'

/** `at 60.5 s: child.start web, because mail failed`. */
export function stepText({ at, what, id, because }: Step): string {
  const why = because === undefined || because.child === id ? '' : `, because ${because.child} failed`
  return `at ${(at / 1_000).toFixed(1)} s: ${what} ${id}${why}`
}

/** A step with a sign: `-` happened only as it was, `+` only with the change. */
export function differenceText(difference: Difference): string {
  return `${difference.run === 'recorded' ? '-' : '+'} ${stepText(difference)}`
}
