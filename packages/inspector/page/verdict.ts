// The sentence that says how the application is, or up to three that an observer says of itself.
import { isObserver, type Actor, type Picture } from './model.ts'
import { isPlaceNamed } from './sources.ts'

export interface Verdict {
  readonly level: 'bad' | 'warn' | 'good' | 'quiet'
  readonly text: string
  /** What a click selects. */
  readonly key?: string
}

/** What observers say; of applications what the page finds. */
export function verdictsOf(picture: Picture): readonly Verdict[] {
  const told = picture.sources.flatMap(({ key, verdict }) =>
    verdict.map(({ level, text, actor }) => ({
      level,
      text,
      ...(actor === undefined ? {} : { key: `${key}/${actor}` }),
    })),
  )
  const others = picture.sources.some((source) => !isObserver(source))
  return told.length > 0 && !others ? told : [...told.filter(({ level }) => level !== 'good'), verdictOf(picture)]
}

const NOT_NAMED = 'No application is named. Open the whole address that the inspector prints.'
const NOT_OPEN = 'No application is open. Open it in another tab of this browser.'
const ENDED = 'The application has ended, or is not reached. This is how it was.'

/** Names what has failed, the youngest failure first; otherwise how many actors are well. */
function verdictOf({ actors, sources }: Picture): Verdict {
  const all = [...actors.values()]
  const failed = all.filter(({ status }) => status === 'error').sort((a, b) => b.since - a.since)
  const [last] = failed
  if (last !== undefined) return { level: 'bad', text: failureText(failed, last), key: last.key }
  if (sources.length === 0) return { level: 'quiet', text: isPlaceNamed() ? NOT_OPEN : NOT_NAMED }
  if (sources.every(({ hello }) => hello === undefined))
    return { level: 'quiet', text: 'Waiting for the application. Is it still running?' }
  if (all.length === 0) return { level: 'quiet', text: 'No actor has started. Pass inspect to createActor().' }
  if (sources.every(({ link }) => link === 'lost')) return { level: 'quiet', text: ENDED }
  const running = all.filter(({ status }) => status === 'active').length
  const ended = all.length - running
  const text = `All is well: ${count(running, 'actor')} running${ended === 0 ? '' : `, ${ended} ended`}.`
  return { level: 'good', text }
}

function failureText(failed: readonly Actor[], last: Actor): string {
  const why = last.error === undefined ? '' : `: ${last.error}`
  if (failed.length === 1) return `${last.name} failed${why}`
  return `${failed.length} actors failed, last ${last.name}${why}`
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
