// How long the calls of each tool took within the last minute, as small histograms on a logarithmic scale, and the
// deadlines of the calls in flight.
import type { JSX } from 'preact'
import type { CallTimes, Deadlines } from '../src/shared/protocol.ts'
import { running, type Watched } from './model.ts'

/** Bucket k has the times below 2 ** k / 16 ms. */
const boundOf = (bucket: number): number => 2 ** bucket / 16

/** A time in few characters: `0.1 ms`, `64 ms`, `2 s`. */
function timeText(ms: number): string {
  if (ms >= 1_000) return `${Number((ms / 1_000).toPrecision(2))} s`
  return `${Number(ms.toPrecision(ms < 10 ? 1 : 2))} ms`
}

/** The bound below which so much of the calls was. */
function quantile(buckets: readonly number[], part: number): number {
  const wanted = Math.max(1, Math.ceil(part * buckets.reduce((sum, count) => sum + count, 0)))
  let seen = 0
  for (const [bucket, count] of buckets.entries()) {
    seen += count
    if (seen >= wanted) return boundOf(bucket)
  }
  return boundOf(buckets.length)
}

export function Latency({ watched, now }: { watched: Watched | undefined; now: number }): JSX.Element | null {
  const { times = [], deadlines } = watched ?? {}
  const isTimed = deadlines !== undefined && deadlines.calls + deadlines.passed > 0
  if (times.length === 0 && !isTimed) return null
  return (
    <div class="part latency" aria-label="Calls">
      {times.length > 0 && (
        <>
          <h3>How long calls took, within the last minute</h3>
          <Histograms times={times} />
        </>
      )}
      {isTimed && <p class="quiet deadlines">{deadlinesText(deadlines, now)}</p>}
    </div>
  )
}

/** All tools on one scale. */
function Histograms({ times }: { times: readonly CallTimes[] }): JSX.Element {
  const first = Math.min(...times.map(([, buckets]) => buckets.findIndex((count) => count > 0)))
  const last = Math.max(...times.map(([, buckets]) => buckets.length))
  return (
    <dl>
      {times.map(([tool, buckets]) => {
        const most = Math.max(...buckets)
        const [half, late] = [quantile(buckets, 0.5), quantile(buckets, 0.99)].map(timeText)
        const calls = buckets.reduce((sum, count) => sum + count, 0)
        return (
          <div class="line" key={tool}>
            <dt title={tool}>{tool}</dt>
            <dd class="bars" aria-hidden="true">
              {Array.from({ length: last - first }, (_, index) => {
                const count = buckets[first + index] ?? 0
                const title = `${count} below ${timeText(boundOf(first + index))}`
                const height = count === 0 ? 0 : Math.max(2, Math.round((22 * count) / most))
                return <i style={{ height: `${height}px` }} title={title} key={index} />
              })}
            </dd>
            <dd class="text">
              {calls} calls, half below {half}, 99 % below {late}
            </dd>
          </div>
        )
      })}
    </dl>
  )
}

function deadlinesText({ calls, next, passed }: Deadlines, now: number): string {
  const late = passed === 0 ? '' : `; ${passed} passed its deadline and still runs`
  if (calls === 0) return `No call in flight has a deadline that is to come${late}.`
  const which = calls === 1 ? '1 call in flight has a deadline' : `${calls} calls in flight have deadlines`
  return `${which}; the next one passes in ${running(Math.max(0, (next ?? now) - now))}${late}.`
}
