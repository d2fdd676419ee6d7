// What was sent between actors: as a list with contents, or as a sequence with a line for each actor.
import { useState } from 'preact/hooks'
import type { JSX } from 'preact'
import { isObserver, type Actor, type Event, type Picture } from './model.ts'
import { Timeline } from './timeline.tsx'
import { inBrief, ValueView } from './value-view.tsx'

interface EventsProps {
  readonly picture: Picture
  readonly selected: Actor | undefined
  readonly onSelect: (key: string) => void
}

const MOST_LISTED = 200
const MOST_IN_SEQUENCE = 60
/** Actors with a line of their own, on a wide and on a narrow screen. */
const mostLines = (): number => (innerWidth > 1_250 ? 8 : 5)

type Form = 'timeline' | 'sequence' | 'list'

const FORMS: Readonly<Record<Form, string>> = { timeline: 'Timeline', sequence: 'Sequence', list: 'List' }

export function Events({ picture, selected, onSelect }: EventsProps): JSX.Element {
  const [chosen, setForm] = useState<Form | undefined>()
  const observers = picture.sources.filter(isObserver).length
  // An observer's events come from nowhere, so they have no sequence; an application has no lanes.
  const forms: readonly Form[] = [
    ...(observers > 0 ? (['timeline'] as const) : []),
    ...(observers < picture.sources.length || observers === 0 ? (['sequence'] as const) : []),
    'list',
  ]
  const form = chosen ?? forms[0] ?? 'list'
  const [onlySelected, setOnlySelected] = useState(false)
  const all =
    onlySelected && selected !== undefined
      ? picture.events.filter((event) => isOf(event, selected.key))
      : picture.events
  const left = picture.sources.reduce((sum, source) => sum + source.left.events, 0)
  const bare = picture.sources.reduce((sum, source) => sum + (source.left.contents ?? 0), 0)
  const latest = all.slice(form === 'list' ? -MOST_LISTED : -MOST_IN_SEQUENCE).reverse()
  return (
    <section class="events panel" aria-label="Events">
      <header>
        <h2>Events</h2>
        <div class="switch" role="group" aria-label="Form">
          {forms.map((each) => (
            <button
              type="button"
              aria-pressed={form === each}
              onClick={() => {
                setForm(each)
              }}
              key={each}
            >
              {FORMS[each]}
            </button>
          ))}
        </div>
        <label>
          <input
            type="checkbox"
            checked={onlySelected}
            onChange={({ currentTarget }) => {
              setOnlySelected(currentTarget.checked)
            }}
          />
          only of {selected?.name ?? 'the selected'}
        </label>
        <span class="quiet">
          {[
            left > 0 ? `${left} events were too many to show` : '',
            bare > 0 ? `${bare} came too fast to keep their contents` : '',
          ]
            .filter((text) => text !== '')
            .join(', ')}
        </span>
      </header>
      {form === 'timeline' ? (
        <Timeline picture={picture} selected={selected} onSelect={onSelect} />
      ) : latest.length === 0 ? (
        <p class="quiet more">No events yet.</p>
      ) : form === 'list' ? (
        <List events={latest} picture={picture} onSelect={onSelect} />
      ) : (
        <Sequence events={latest} picture={picture} selected={selected} onSelect={onSelect} />
      )}
    </section>
  )
}

const isOf = ({ from, to }: Event, key: string): boolean => from === key || to === key

const clock = (at: number): string => new Date(at).toISOString().slice(11, 23)

const nameOf = (picture: Picture, key: string): string =>
  key === '' ? 'outside' : (picture.actors.get(key)?.name ?? `${key.split('/').at(-1) ?? key} (gone)`)

interface FormProps {
  readonly events: readonly Event[]
  readonly picture: Picture
  readonly onSelect: (key: string) => void
}

function List({ events, picture, onSelect }: FormProps): JSX.Element {
  return (
    <div class="list" tabIndex={0}>
      {events.map(({ key, at, from, to, type, payload, text, because }) => (
        <div class={because === undefined ? 'event' : 'event caused'} key={key}>
          <time>{clock(at)}</time>
          <span class="ends">
            {text === undefined && `${nameOf(picture, from)} → `}
            <button
              type="button"
              class="link"
              onClick={() => {
                onSelect(to)
              }}
            >
              {nameOf(picture, to)}
            </button>
          </span>
          <span class={`type ${isFailure(type) ? 'bad' : ''}`}>{type}</span>
          {text === undefined ? payload === undefined ? <span /> : <ValueView value={payload} /> : <span>{text}</span>}
        </div>
      ))}
    </div>
  )
}

const isFailure = (type: string): boolean => type.startsWith('xstate.error')

/** XState's own events in fewer words. */
const shortType = (type: string): string =>
  type
    .replace(/^xstate\.(done|error)\.actor\..*/, '$1')
    .replace(/^xstate\.after\.(\d+)\..*/, 'after $1 ms')
    .replace(/^xstate\.snapshot\..*/, 'snapshot')
    .replace(/^xstate\.init$/, 'starts')

function Sequence({ events, picture, selected, onSelect }: FormProps & { selected: Actor | undefined }): JSX.Element {
  const columns = columnsOf(events, picture, selected)
  const place = (key: string): number => {
    const index = columns.indexOf(key)
    return index === -1 ? columns.length : index
  }
  const hasOthers = events.some(({ from, to }) => !columns.includes(from) || !columns.includes(to))
  const width = 100 / (columns.length + (hasOthers ? 1 : 0))
  const middle = (index: number): number => width * (index + 0.5)
  return (
    <div class="sequence" tabIndex={0}>
      <div class="heads">
        <span class="clock" />
        <div class="lanes">
          {columns.map((key) => (
            <button
              type="button"
              class={key === selected?.key ? 'head selected' : 'head'}
              style={{ width: `${width}%` }}
              key={key}
              disabled={key === ''}
              onClick={() => {
                onSelect(key)
              }}
            >
              {nameOf(picture, key)}
            </button>
          ))}
          {hasOthers && (
            <span class="head quiet" style={{ width: `${width}%` }}>
              others
            </span>
          )}
        </div>
      </div>
      {events.map((event) => {
        const [from, to] = [place(event.from), place(event.to)]
        const isSelf = from === to
        const [a, b] = [middle(Math.min(from, to)), middle(Math.max(from, to))]
        const content = event.payload === undefined ? '' : ` ${inBrief(event.payload, 70)}`
        return (
          <div class="step" key={event.key} title={`${event.type}${content}`}>
            <time class="clock">{clock(event.at)}</time>
            <div class="lanes">
              {columns.map((key, index) => (
                <i
                  class={key === selected?.key ? 'lane selected' : 'lane'}
                  style={{ left: `${middle(index)}%` }}
                  key={key}
                />
              ))}
              {hasOthers && <i class="lane" style={{ left: `${middle(columns.length)}%` }} />}
              <span
                class={`arrow ${isSelf ? 'self' : from < to ? 'right' : 'left'}${isFailure(event.type) ? ' bad' : ''}`}
                style={isSelf ? { left: `${a}%` } : { left: `${a}%`, width: `${b - a}%` }}
              >
                <b>{shortType(event.type)}</b>
              </span>
            </div>
          </div>
        )
      })}
    </div>
  )
}

/** Which actors have a line: the selected one and the most frequent, in the order of the tree; outside comes first. */
function columnsOf(events: readonly Event[], picture: Picture, selected: Actor | undefined): string[] {
  const counts = new Map<string, number>()
  for (const { from, to } of events) for (const key of [from, to]) counts.set(key, (counts.get(key) ?? 0) + 1)
  if (selected !== undefined && counts.has(selected.key)) counts.set(selected.key, Infinity)
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, mostLines())
  const order = [...picture.actors.keys()]
  return most.map(([key]) => key).sort((a, b) => order.indexOf(a) - order.indexOf(b))
}
