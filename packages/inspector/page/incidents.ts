// What followed from one failure, in a sentence, from the causes that an observer's events have.
import type { Event, Picture } from './model.ts'

export interface Incident {
  readonly key: string
  /** When the failure happened. */
  readonly at: number
  /** The actor that has failed. */
  readonly actor: string
  readonly text: string
}

/** The incidents, latest first. `about`: only those in which this actor or one of its children had a part. */
export function incidentsOf(picture: Picture, about?: string): readonly Incident[] {
  const groups = new Map<string, Event[]>()
  for (const event of picture.events) {
    if (event.incident === undefined) continue
    const key = `${event.key.split('/')[0] ?? ''}/${event.incident}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [event])
    else group.push(event)
  }
  return [...groups]
    .filter(
      ([, events]) =>
        about === undefined || events.some(({ to }) => to === about || picture.actors.get(to)?.above === about),
    )
    .flatMap(([key, events]) => sentenceOf(key, events, picture))
    .reverse()
}

function sentenceOf(key: string, events: readonly Event[], picture: Picture): Incident[] {
  const [first] = events
  if (first === undefined) return []
  const nameOf = (actor: string): string => picture.actors.get(actor)?.name ?? actor.split('/').at(-1) ?? actor
  const others = (suffix: string): string[] => [
    ...new Set(events.filter(({ type, to }) => to !== first.to && type.endsWith(suffix)).map(({ to }) => nameOf(to))),
  ]
  const has = (suffix: string): boolean => events.some(({ type, to }) => to === first.to && type.endsWith(suffix))
  const failures = events.filter(({ type, to }) => to === first.to && type.endsWith('.exit')).length
  const who = nameOf(first.to)
  const restarted = others('.start')
  const stopped = others('.exit').filter((name) => !restarted.includes(name))
  const often = failures > 1 ? ` ${failures} times` : ''
  const end =
    has('.parked') && !has('.unparked')
      ? `${who} is parked`
      : has('.ready')
        ? `${who} is ready again`
        : `${who} is down`
  const parts = [
    restarted.length > 0
      ? `${list(restarted)} ${were(restarted)} restarted because ${who} failed${often}`
      : `${who} failed${often}`,
    ...(stopped.length > 0 ? [`${list(stopped)} ${were(stopped)} stopped`] : []),
    end,
  ]
  const why = (first.text ?? '').replace(/^exited: /, '')
  return [{ key, at: first.at, actor: first.to, text: `${parts.join('; ')}. Why: ${why}` }]
}

const were = (names: readonly string[]): string => (names.length === 1 ? 'was' : 'were')

/** `a`, `a and b`, `a, b and 3 more`. */
function list(names: readonly string[]): string {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`
}
