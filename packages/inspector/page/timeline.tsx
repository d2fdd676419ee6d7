// The last five minutes: calls per second, and below a lane for each pool and supervisor with what happened in it.
import { useMemo, useRef, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import { running, type Actor, type Event, type Picture, type Source } from './model.ts'

interface TimelineProps {
  readonly picture: Picture
  readonly selected: Actor | undefined
  readonly onSelect: (key: string) => void
}

const SPAN = 300_000
const MINUTE = 60_000
/** A drag that is shorter is a click, in pixels; and the shortest part that is shown, in ms. */
const SHORTEST_DRAG = 6
const SHORTEST = 1_000
/** Where a mark of the axis stands. */
const MARKS = [0, 0.2, 0.4, 0.6, 0.8]

/** The part of the time that is shown, in ms since 1970. */
interface Part {
  readonly from: number
  readonly to: number
}
/** Of each lane, the latest. */
const MOST_TICKS = 120

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
  const [zoom, setZoom] = useState<Part | 'minute' | undefined>()
  const drag = useRef<Drag | undefined>(undefined)
  const [dragged, setDragged] = useState<readonly [left: number, width: number] | undefined>()
  const { now } = picture
  const part = typeof zoom === 'object' ? zoom : { from: now - (zoom === 'minute' ? MINUTE : SPAN), to: now }
  const second = Math.floor(now / 1_000)
  const lanes = useMemo(
    () => <Lanes {...props} part={part} />,
    [second, selected?.key, picture.actors.size, onSelect, zoom],
  )
  const end = (event: PointerEvent): void => {
    const { current } = drag
    drag.current = undefined
    setDragged(undefined)
    if (current === undefined || Math.abs(event.clientX - current.x) < SHORTEST_DRAG) return
    const [from = 0, to = 0] = [current.x, event.clientX].map((x) => current.at(x)).sort((a, b) => a - b)
    setZoom({ from, to: Math.max(to, from + SHORTEST) })
  }
  return (
    <div
      class="timeline"
      tabIndex={0}
      onPointerDown={(event) => {
        const ticks = (event.target as Element).closest('.ticks, .curve')?.getBoundingClientRect()
        if (ticks === undefined) return
        const at = (x: number): number => {
          const share = Math.min(1, Math.max(0, (x - ticks.left) / ticks.width))
          return part.from + share * (part.to - part.from)
        }
        drag.current = { x: event.clientX, left: event.currentTarget.getBoundingClientRect().left, at }
      }}
      onPointerMove={({ clientX }) => {
        const { current } = drag
        if (current !== undefined) {
          setDragged([Math.min(current.x, clientX) - current.left, Math.abs(clientX - current.x)])
        }
      }}
      onPointerUp={end}
      onPointerLeave={() => {
        drag.current = undefined
        setDragged(undefined)
      }}
      onKeyDown={({ key }) => {
        if (key === 'Escape') setZoom(undefined)
      }}
    >
      {dragged !== undefined && <i class="drag" style={{ left: `${dragged[0]}px`, width: `${dragged[1]}px` }} />}
      {lanes}
      <p class="quiet key-line">
        {LEGEND.map(([look, text]) => (
          <span key={look}>
            <i class={`tick ${look}`} /> {text}
          </span>
        ))}
        <button
          type="button"
          onClick={() => {
            setZoom(zoom === undefined ? 'minute' : undefined)
          }}
        >
          {zoom === undefined ? 'Last minute' : 'Five minutes'}
        </button>
      </p>
    </div>
  )
}

interface Drag {
  /** Where it began, and where the timeline does, in pixels. */
  readonly x: number
  readonly left: number
  /** The time of a place. */
  readonly at: (x: number) => number
}

function Lanes({ picture, selected, onSelect, part }: TimelineProps & { part: Part }): JSX.Element {
  const { actors, now, events, sources } = picture
  const { from, to } = part
  const place = (at: number): string => `${(((at - from) / (to - from)) * 100).toFixed(2)}%`
  const lanes = new Map<string, Event[]>()
  for (const { kind, key } of actors.values()) if (kind === 'pool' || kind === 'supervisor') lanes.set(key, [])
  for (const event of events) {
    if (event.at < from || event.at > to || tickOf(event) === undefined) continue
    const above = actors.get(event.to)?.above
    const lane = lanes.get(above ?? '') ?? lanes.get(event.to)
    lane?.push(event)
  }
  const isFocus = selected !== undefined && !lanes.has(selected.key)
  return (
    <>
      {sources.map((source) => (
        <Throughput source={source} part={part} now={now} key={source.key} />
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
          {MARKS.map((mark) => (
            <span style={{ left: `${mark * 100}%` }} key={mark}>
              {agoText(now - (from + mark * (to - from)))}
            </span>
          ))}
        </div>
      </div>
    </>
  )
}

/** `4 min ago`; in a part that is zoomed `83 s ago`. */
const agoText = (ms: number): string => {
  const minutes = ms / MINUTE
  const isWhole = Math.abs(minutes - Math.round(minutes)) < 0.02 && minutes > 0.9
  return isWhole ? `${Math.round(minutes)} min ago` : `${Math.round(ms / 1_000)} s ago`
}

/** Calls per second, and failures. */
function Throughput({
  source: { series },
  part: { from, to },
  now,
}: {
  source: Source
  part: Part
  now: number
}): JSX.Element | null {
  if (series.length < 2 || series.at(-1)?.[1] === 0) return null
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
    .filter(({ at }) => at >= from && at <= to)
    .map(({ at, rate }) => `${(((at - from) / (to - from)) * 300).toFixed(1)},${(29 - (rate / most) * 27).toFixed(1)}`)
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
