// The numbers of an observer: workers, calls and crashes of all its pools.
import type { JSX } from 'preact'
import { isObserver, type Picture } from './model.ts'

/** Over how many samples, of a second each, calls are averaged. */
const OVER = 5

export function Numbers({ picture }: { picture: Picture }): JSX.Element {
  const observers = picture.sources.filter(isObserver)
  const parts = observers.flatMap(({ key, numbers, series, hello }) => {
    if (numbers === undefined) return []
    const { ready, size, inFlight, queued, accepted, failed, crashes } = numbers
    const [first, last] = [series.at(-OVER - 1) ?? series[0], series.at(-1)]
    const span = last === undefined || first === undefined ? 0 : (Math.max(last[0], picture.now) - first[0]) / 1_000
    const rate = span < 0.5 || last === undefined || first === undefined ? 0 : (last[1] - first[1]) / span
    const shown: readonly (readonly [string, string])[] = [
      ...(observers.length > 1 ? ([['program', hello?.name ?? '']] as const) : []),
      ['workers ready', `${ready} of ${size}`],
      ['calls/s', rate >= 10 || rate === 0 ? String(Math.round(rate)) : rate.toFixed(1)],
      ['in flight', String(inFlight)],
      ['queued', String(queued)],
      ['calls', String(accepted)],
      ['failed calls', String(failed)],
      ['crashes', String(crashes)],
    ]
    return shown.map(([name, text]) => (
      <div key={`${key} ${name}`}>
        <dd>{text}</dd>
        <dt>{name}</dt>
      </div>
    ))
  })
  return parts.length === 0 ? <div class="numbers none" /> : <dl class="numbers">{parts}</dl>
}
