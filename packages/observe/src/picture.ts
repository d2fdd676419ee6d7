// The picture of all that is observed, as plain data, and what has changed between two pictures.
import type { Numbers, Verdict } from '@terrarium/inspector/protocol'
import type { ActorView, Delta } from './messages.ts'
import { saysByHand } from './sources/diagnosis.ts'
import type { Source } from './sources/source.ts'

/** Actors of one picture at most; more are counted. */
const ACTORS = 5_000

export interface Picture {
  readonly actors: ReadonlyMap<string, ActorView>
  /** How many actors were left out. */
  readonly left: number
  readonly numbers: Numbers
  readonly verdict: readonly Verdict[]
}

export const EMPTY: Picture = {
  actors: new Map(),
  left: 0,
  numbers: numbersOf([]),
  verdict: [],
}

export function takePicture(sources: Iterable<Source>): Picture {
  const views: ActorView[] = []
  for (const source of sources) source.addViews(views)
  return {
    actors: new Map(views.slice(0, ACTORS).map((view) => [view.id, view])),
    left: Math.max(0, views.length - ACTORS),
    numbers: numbersOf(views),
    verdict: verdictOf(views),
  }
}

/** What the reader of `before` has to be told; undefined when nothing of an actor has changed. */
export function difference(before: Picture, after: Picture): Pick<Delta, 'set' | 'add' | 'del'> | undefined {
  const set: [string, Record<string, unknown>][] = []
  const add: ActorView[] = []
  for (const [id, view] of after.actors) {
    const old = before.actors.get(id)
    if (old === undefined) {
      add.push(view)
      continue
    }
    const fields = changedFields(old, view)
    if (fields !== undefined) set.push([id, fields])
  }
  const del = [...before.actors.keys()].filter((id) => !after.actors.has(id))
  if (set.length + add.length + del.length === 0) return undefined
  return {
    ...(set.length === 0 ? {} : { set }),
    ...(add.length === 0 ? {} : { add }),
    ...(del.length === 0 ? {} : { del }),
  }
}

function changedFields(before: ActorView, after: ActorView): Record<string, unknown> | undefined {
  const old = before as unknown as Readonly<Record<string, unknown>>
  const now = after as unknown as Readonly<Record<string, unknown>>
  const fields: Record<string, unknown> = {}
  for (const name of Object.keys(now)) if (!isSame(old[name], now[name])) fields[name] = now[name]
  for (const name of Object.keys(old)) if (!(name in now)) fields[name] = null
  return Object.keys(fields).length === 0 ? undefined : fields
}

/** Plain data only. */
export const isSame = (a: unknown, b: unknown): boolean =>
  Object.is(a, b) || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b))

function numbersOf(views: readonly ActorView[]): Numbers {
  const pools = views.filter(({ kind }) => kind === 'pool')
  const sum = (field: 'size' | 'ready' | 'calls' | 'failed' | 'inFlight' | 'queued'): number =>
    pools.reduce((total, view) => total + (view[field] ?? 0), 0)
  return {
    size: sum('size'),
    ready: sum('ready'),
    accepted: sum('calls'),
    failed: sum('failed'),
    inFlight: sum('inFlight'),
    queued: sum('queued'),
    crashes: views.reduce((total, { restarts }) => total + (restarts?.crashes ?? 0), 0),
  }
}

/** At most three sentences, worst first: what is parked and why, what waits for its next start; or that all is well. */
function verdictOf(views: readonly ActorView[]): readonly Verdict[] {
  const groups = new Map<string, ActorView[]>()
  for (const view of views) {
    if (view.kind === 'pool' || (view.value !== 'parked' && view.value !== 'backing_off')) continue
    const key = [view.value, view.parent, view.diagnosis?.code, view.diagnosis?.facts[0]?.[1] ?? view.error].join('\n')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [view])
    else group.push(view)
  }
  const verdicts = [...groups.values()]
    .map(sentenceOf)
    .sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'))
  if (verdicts.length > 0) return verdicts.slice(0, 3)
  const { size, ready } = numbersOf(views)
  if (size === 0) return [{ level: 'good', text: 'Nothing is parked and nothing waits to be started again.' }]
  if (ready === size) return [{ level: 'good', text: `All workers are ready: ${ready} of ${size}.` }]
  return [{ level: 'warn', text: `${ready} of ${size} workers are ready.` }]
}

/** Why actors are parked by hand, if there is one reason. */
function reasonOf(group: readonly ActorView[]): string {
  const reasons = group.map(({ diagnosis }) => diagnosis?.facts.find(([name]) => name === 'because')?.[1])
  const [reason] = reasons
  return reason !== undefined && new Set(reasons).size === 1 ? `: ${reason}` : ''
}

function sentenceOf(group: readonly ActorView[]): Verdict {
  const [first] = group as [ActorView]
  const { id, parent, diagnosis } = first
  const subject = group.length === 1 ? id : `${group.length} actors of ${parent ?? id}`
  const verb = group.length === 1 ? 'is' : 'are'
  const isByHand = first.value === 'parked' && saysByHand(diagnosis)
  const why = isByHand ? reasonOf(group) : diagnosis === undefined ? '' : `: ${diagnosis.title}`
  const what = isByHand ? 'parked by hand' : first.value === 'parked' ? 'parked' : 'down until the next start'
  return {
    level: first.value === 'parked' && !isByHand ? 'bad' : 'warn',
    text: `${subject} ${verb} ${what}${why}`,
    actor: id,
    ...(diagnosis?.command === undefined ? {} : { command: diagnosis.command }),
  }
}
