// The restart budget of a supervisor: a bar for each restart that it has, and what happens when none is left.
import type { JSX } from 'preact'
import type { Budget } from '../src/shared/protocol.ts'
import { running, type Actor, type Picture } from './model.ts'

/** Bars at most: of a greater budget each stands for several restarts. */
const BARS = 6

export function Bars({ budget: { used, intensity } }: { budget: Budget }): JSX.Element {
  const bars = Math.min(BARS, intensity)
  const filled = used === 0 ? 0 : Math.max(1, Math.floor((used / intensity) * bars))
  const label = `${used} of ${intensity} restarts used`
  return (
    <span class={`bars${used >= intensity ? ' full' : ''}`} role="img" aria-label={label} title={label}>
      {Array.from({ length: bars }, (_, index) => (
        <i class={index < filled ? 'bar used' : 'bar'} key={index} />
      ))}
    </span>
  )
}

/** How much is used, and what the next restarts lead to. */
export function budgetText({ budget, name, kind, above }: Actor, { actors, now }: Picture): string {
  if (budget === undefined) return ''
  const { used, intensity, period, frees } = budget
  const parent = above === undefined ? undefined : actors.get(above)?.name
  const who = kind === 'pool' ? `pool ${name}` : name
  const then =
    parent === undefined ? `${who} gives up and stops all of its children` : `${who} gives up, and ${parent} decides`
  const left = frees === undefined ? '' : running(Math.max(0, frees - now))
  if (used >= intensity) return `One more restart within ${left} and ${then}.`
  const more = `With more than ${intensity} restarts within ${running(period)} ${then}.`
  if (used === 0) return `No restart counts now. ${more}`
  return `${used} of ${intensity} restarts ${used === 1 ? 'is' : 'are'} used; the oldest counts for ${left} more. ${more}`
}
