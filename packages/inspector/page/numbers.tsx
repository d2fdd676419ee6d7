// The numbers of an observer: workers, calls and crashes of all its pools.
import type { JSX } from 'preact'
import type { Sample } from '../src/shared/protocol.ts'
import { isObserver, type Picture } from './model.ts'

/** Calls are averaged over so many ms. */
const OVER = 5_000

/** Calls per second. Without a change there is no sample, so a sample counts until the next one. */
function rateOf(series: readonly Sample[], now: number): number {
  const from = now - OVER
  const before = series.findLast(([at]) => at <= from) ?? series[0]
  const last = series.at(-1)
  if (before === undefined || last === undefined) return 0
  return ((last[1] - before[1]) / Math.max(1_000, now - Math.max(before[0], from))) * 1_000
}

export function Numbers({ picture }: { picture: Picture }): JSX.Element {
  const observers = picture.sources.filter(isObserver)
  const parts = observers.flatMap(({ key, numbers, series, hello }) => {
    if (numbers === undefined) return []
    const { ready, size, inFlight, queued, accepted, failed, crashes } = numbers
    const rate = rateOf(series, picture.now)
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
