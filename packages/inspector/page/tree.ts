// The order in which actors are listed: each below its parent, oldest first. Many that are alike become
// one row of cells.
import { isObserved, isTrouble, lookOf, LOOK_WORDS } from './look.ts'
import { valueText, type Actor } from './model.ts'

export type Row =
  | { readonly type: 'actor'; readonly key: string; readonly depth: number; readonly actor: Actor }
  | {
      readonly type: 'cells'
      readonly key: string
      readonly depth: number
      readonly title: string
      readonly actors: readonly Actor[]
      /** How many are in which state, in the order of the states. */
      readonly counts: readonly Count[]
    }

export interface Count {
  readonly text: string
  readonly count: number
  /** How an actor in this state looks, see `cellOf`. */
  readonly look: string
}

/** From this many on, actors that are alike are cells; workers, whose names say little, sooner. */
const MANY = 9
const MANY_WORKERS = 4
/** Above this many rows the rest is left to the filter. */
export const MOST_ROWS = 400
const SHOWN_COUNTS = 5
/** Looks of running actors by their state. */
const LOOKS = 4

/** The order in which looks of an observer's actors are counted. */
const PLACES = ['active', 'starting', 'waiting', 'parked', 'error', 'done', 'stopped']

export interface Filter {
  readonly text: string
  readonly onlyTrouble: boolean
}

/** Every row. A filter lists what matches without its place in the tree. */
export function rowsOf(actors: Iterable<Actor>, filter: Filter): Row[] {
  const all = [...actors]
  if (filter.text !== '' || filter.onlyTrouble)
    return belowOf(
      all.filter((actor) => matches(actor, filter)),
      new Map(),
      0,
    )
  const keys = new Set(all.map(({ key }) => key))
  const byParent = new Map<string, Actor[]>()
  for (const actor of all) {
    const above = actor.above !== undefined && keys.has(actor.above) ? actor.above : ''
    const siblings = byParent.get(above)
    if (siblings === undefined) byParent.set(above, [actor])
    else siblings.push(actor)
  }
  return belowOf(byParent.get('') ?? [], byParent, 0)
}

/** The actors of the rows, in their order: what the arrow keys walk through. */
export const walkOf = (rows: readonly Row[]): Actor[] =>
  rows.flatMap((row) => (row.type === 'actor' ? [row.actor] : row.actors))

function matches(actor: Actor, { text, onlyTrouble }: Filter): boolean {
  if (onlyTrouble && !isTrouble(actor)) return false
  const sought = text.toLowerCase()
  return [actor.name, actor.id, actor.kind, valueText(actor.value), actor.status, actor.error ?? ''].some((each) =>
    each.toLowerCase().includes(sought),
  )
}

function belowOf(siblings: readonly Actor[], byParent: ReadonlyMap<string, readonly Actor[]>, depth: number): Row[] {
  const groups = new Map<string, Actor[]>()
  for (const actor of siblings) {
    const isLeaf = !byParent.has(actor.key)
    const like = isLeaf ? `${actor.source.key} ${actor.kind} ${actor.machine ?? stem(actor.name)}` : actor.key
    const group = groups.get(like)
    if (group === undefined) groups.set(like, [actor])
    else group.push(actor)
  }
  return [...groups].flatMap(([like, group]) => {
    if (group.length >= (group[0]?.kind === 'worker' ? MANY_WORKERS : MANY)) return cellsOf(like, group, depth)
    return group.flatMap((actor): Row[] => [
      { type: 'actor', key: actor.key, depth, actor },
      ...belowOf(byParent.get(actor.key) ?? [], byParent, depth + 1),
    ])
  })
}

/** A name without its number. */
const stem = (name: string): string => name.replace(/[\d:._#-]+\w*$/, '')

function cellsOf(like: string, actors: readonly Actor[], depth: number): Row {
  const counts = new Map<string, { count: number; readonly actor: Actor }>()
  for (const actor of actors) {
    const { status, value } = actor
    const state = topOf(value)
    const text = isObserved(actor) || status === 'active' ? state.replace('_', ' ') || 'running' : LOOK_WORDS[status]
    const known = counts.get(text)
    if (known === undefined) counts.set(text, { count: 1, actor })
    else known.count += 1
  }
  const [first] = actors
  const names = new Set(actors.map(({ name }) => stem(name)))
  const machine = first?.machine === undefined ? undefined : first.source.machines.get(first.machine)?.key
  const [name = ''] = names
  const title = names.size === 1 && name !== '' && name !== 'x' ? name : (machine ?? first?.kind ?? '')
  const inOrder = [...counts]
    .map(([text, { count, actor }]) => ({ text, count, look: cellOf(actor), place: placeOf(actor) }))
    .sort((a, b) => a.place - b.place)
  return { type: 'cells', key: like, depth, title, actors, counts: inOrder.slice(0, SHOWN_COUNTS) }
}

/** The outermost state. */
const topOf = (value: Actor['value']): string =>
  typeof value === 'string' ? value : Object.keys(value).length === 1 ? (Object.keys(value)[0] ?? '') : valueText(value)

/** The place of an actor's state in its machine; ended actors come last. */
function placeOf(actor: Actor): number {
  const { status, value, machine, source } = actor
  if (isObserved(actor)) return PLACES.indexOf(lookOf(actor))
  if (status !== 'active') return 1_000
  const states = machine === undefined ? [] : (source.machines.get(machine)?.states ?? [])
  return Math.max(
    0,
    states.findIndex(({ key }) => key === topOf(value)),
  )
}

/** How a cell looks: as its actor, and by its state while it runs. */
export function cellOf(actor: Actor): string {
  const look = lookOf(actor)
  return look === 'active' && !isObserved(actor) ? `active look${placeOf(actor) % LOOKS}` : look
}
