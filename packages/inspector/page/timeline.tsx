// The last five minutes: calls per second, and below a lane for each pool and supervisor with what happened in it.
import { useMemo } from 'preact/hooks'
import type { JSX } from 'preact'
import { running, type Actor, type Event, type Picture, type Source } from './model.ts'

interface TimelineProps {
  readonly picture: Picture
  readonly selected: Actor | undefined
  readonly onSelect: (key: string) => void
}

const SPAN = 300_000
/** Of each lane, the latest. */
const MOST_TICKS = 120
const MINUTES = [5, 4, 3, 2, 1]

/** What is shown of an event, by the end of its type. */
const TICKS: Readonly<Record<string, string>> = {
  ready: 'ready',
  backoff: 'waiting',
  parked: 'parked',
  unparked: 'ready',
  crash_loop: 'crash',
  act: 'act',
}

const LEGEND = [
  ['crash', 'crash'],
  ['waiting', 'waits for its next start'],
  ['parked', 'parked'],
  ['ready', 'ready'],
  ['stop', 'stopped'],
  ['act', 'asked for by a reader'],
] as const

function tickOf({ type, text = '' }: Event): string | undefined {
  const end = type.split('.').at(-1) ?? ''
  // An orderly stop is no crash.
  if (end === 'exit') return /^exited: (shutdown|normal)/.test(text) ? 'stop' : 'crash'
  return TICKS[end]
}

/** Drawn once a second: a second is a pixel or two, and there may be thousands of marks. */
export function Timeline(props: TimelineProps): JSX.Element {
  const { picture, selected, onSelect } = props
  const second = Math.floor(picture.now / 1_000)
  return useMemo(() => <Lanes {...props} />, [second, selected?.key, picture.actors.size, onSelect])
}

function Lanes({ picture, selected, onSelect }: TimelineProps): JSX.Element {
  const { actors, now, events, sources } = picture
  const from = now - SPAN
  const place = (at: number): string => `${(((at - from) / SPAN) * 100).toFixed(2)}%`
  const lanes = new Map<string, Event[]>()
  for (const { kind, key } of actors.values()) if (kind === 'pool' || kind === 'supervisor') lanes.set(key, [])
  for (const event of events) {
    if (event.at < from || tickOf(event) === undefined) continue
    const above = actors.get(event.to)?.above
    const lane = lanes.get(above ?? '') ?? lanes.get(event.to)
    lane?.push(event)
  }
  const isFocus = selected !== undefined && !lanes.has(selected.key)
  return (
    <div class="timeline" tabIndex={0}>
      {sources.map((source) => (
        <Throughput source={source} from={from} now={now} key={source.key} />
      ))}
      {[...lanes].map(([key, found]) => (
        <div class="track" key={key}>
          <button
            type="button"
            class={key === selected?.key || key === selected?.above ? 'link name on' : 'link name'}
            onClick={() => {
              onSelect(key)
            }}
          >
            {actors.get(key)?.name}
          </button>
          <div class="ticks">
            {found.slice(-MOST_TICKS).map((event) => (
              <i
                class={`tick ${tickOf(event) ?? ''}${isFocus && event.to !== selected.key ? ' dim' : ''}`}
                style={{ left: place(event.at) }}
                title={`${actors.get(event.to)?.name ?? ''}, ${running(now - event.at)} ago: ${event.text ?? event.type}`}
                onClick={() => {
                  onSelect(event.to)
                }}
                key={event.key}
              />
            ))}
          </div>
        </div>
      ))}
      <div class="track axis">
        <span />
        <div class="ticks">
          {MINUTES.map((minutes) => (
            <span style={{ left: `${(1 - minutes / 5) * 100}%` }} key={minutes}>
              {minutes} min ago
            </span>
          ))}
        </div>
      </div>
      <p class="quiet key-line">
        {LEGEND.map(([look, text]) => (
          <span key={look}>
            <i class={`tick ${look}`} /> {text}
          </span>
        ))}
      </p>
    </div>
  )
}

/** Calls per second, and failures. */
function Throughput({
  source: { series },
  from,
  now,
}: {
  source: Source
  from: number
  now: number
}): JSX.Element | null {
  if (series.length < 2) return null
  const rates = series.slice(1).map((sample, index) => {
    const before = series[index] ?? sample
    return {
      at: sample[0],
      rate: Math.max(0, (sample[1] - before[1]) / Math.max(0.5, (sample[0] - before[0]) / 1_000)),
    }
  })
  // Without a change there is no sample.
  const last = rates.at(-1)
  if (last !== undefined && now - last.at > 2_500) rates.push({ at: last.at + 1_000, rate: 0 }, { at: now, rate: 0 })
  const most = Math.max(1, ...rates.map(({ rate }) => rate))
  const points = rates
    .filter(({ at }) => at >= from)
    .map(({ at, rate }) => `${(((at - from) / SPAN) * 300).toFixed(1)},${(29 - (rate / most) * 27).toFixed(1)}`)
    .join(' ')
  return (
    <div class="track">
      <span class="name quiet">calls/s, at most {Math.round(most)}</span>
      <svg class="curve" viewBox="0 0 300 30" preserveAspectRatio="none" aria-hidden="true">
        <polyline points={points} />
      </svg>
    </div>
  )
}
