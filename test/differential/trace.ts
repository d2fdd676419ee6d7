// What both sides of the differential test record, and how it is put into one order.
import { supervisorsOf, type Scenario } from './scenario.ts'

/** The trace of one step. */
export interface Observed {
  /**
   * In order: `start ACTOR SUPERVISOR`, `error CHILD SUPERVISOR` and `ignore CHILD SUPERVISOR` for what came of a
   * start, `hold CHILD SUPERVISOR`, `exit ACTOR SUPERVISOR REASON`. An actor is written as its name and its number of
   * starts.
   */
  readonly events: readonly string[]
  /** The result of the step, at whatever time it came. */
  readonly result: string
}

/** One entry for each step, one for the final tree and one for the end of the root. */
export type Trace = readonly Observed[]

interface Exit {
  readonly text: string
  readonly actor: string
  readonly supervisor: string
  readonly reason: string
}

/** Sorts events whose order OTP leaves open. */
export function normalize(scenario: Scenario, trace: Trace): Trace {
  const dynamic = new Set(
    supervisorsOf(scenario)
      .filter(({ strategy }) => strategy === 'simple_one_for_one')
      .map(({ name }) => name),
  )
  return trace.map(({ events, result }) => ({ events: sortParallel(gatherOrphans(events), dynamic), result }))
}

/**
 * The children of a killed supervisor die while other actors go on (L10), so they are put before it. A supervisor among
 * them shuts its children down in order and then dies (E1); they stay before it in that order.
 */
function gatherOrphans(events: readonly string[]): readonly string[] {
  const exits = events.flatMap((event) => exitOf(event) ?? [])
  const killed = new Map(exits.flatMap((exit) => (exit.reason === 'killed' ? [[exit.actor, exit] as const] : [])))
  const isKilledHard = (actor: string): boolean => {
    const exit = killed.get(actor)
    return exit !== undefined && !isKilledHard(exit.supervisor) // otherwise it is an orphan
  }
  const childrenOf = (actor: string): Exit[] => exits.filter(({ supervisor }) => supervisor === actor)
  const orphansOf = (actor: string): Exit[] =>
    isKilledHard(actor) ? childrenOf(actor).filter(({ reason }) => reason === 'killed') : []

  const moved = new Set<string>()
  const orphans = new Map<string, Exit[]>()
  for (const actor of killed.keys()) {
    const found = orphansOf(actor).sort((one, other) => (one.actor < other.actor ? -1 : 1))
    if (found.length === 0) continue
    orphans.set(actor, found)
    for (const orphan of found) for (const exit of [orphan, ...below(orphan.actor, childrenOf)]) moved.add(exit.text)
  }
  if (moved.size === 0) return events

  /** An exit, after the exits that are gathered before it. */
  const gathered = (event: string): readonly string[] => {
    const exit = exitOf(event)
    return [...(exit === undefined ? [] : (orphans.get(exit.actor) ?? [])).flatMap(orphanage), event]
  }
  /** An orphan, after its children in their order. Children that are orphans themselves are left out. */
  const orphanage = ({ actor, text }: Exit): readonly string[] => {
    const descendants = new Set(below(actor, (each) => childrenOf(each).filter((child) => !isOrphan(child))))
    return [...exits.filter((exit) => descendants.has(exit)).flatMap((exit) => gathered(exit.text)), ...gathered(text)]
  }
  const isOrphan = ({ supervisor, actor }: Exit): boolean =>
    orphans.get(supervisor)?.some((orphan) => orphan.actor === actor) === true
  return events.filter((event) => !moved.has(event)).flatMap(gathered)
}

/** Everything below an actor. */
function below(actor: string, childrenOf: (actor: string) => Exit[]): Exit[] {
  return childrenOf(actor).flatMap((child) => [child, ...below(child.actor, childrenOf)])
}

/** Dynamic children are stopped at the same time, in no order (G03). */
function sortParallel(events: readonly string[], dynamic: ReadonlySet<string>): readonly string[] {
  const sorted: string[] = []
  let run: string[] = []
  let owner: string | undefined
  for (const event of events) {
    const supervisor = exitOf(event)?.supervisor
    if (supervisor !== owner) {
      sorted.push(...run.sort())
      run = []
      owner = supervisor
    }
    if (supervisor !== undefined && dynamic.has(nameOf(supervisor))) run.push(event)
    else sorted.push(event)
  }
  return [...sorted, ...run.sort()]
}

function exitOf(event: string): Exit | undefined {
  const [, actor, supervisor, reason] = /^exit (\S+) (\S+) (.*)$/.exec(event) ?? []
  if (actor === undefined || supervisor === undefined || reason === undefined) return undefined
  return { text: event, actor, supervisor, reason }
}

export function nameOf(actor: string): string {
  return actor.split('.')[0] ?? actor
}

/** The first step in which two traces differ; -1 if they do not. */
export function firstDifference(one: Trace, other: Trace): number {
  const length = Math.max(one.length, other.length)
  for (let index = 0; index < length; index += 1) {
    if (JSON.stringify(one[index]) !== JSON.stringify(other[index])) return index
  }
  return -1
}
