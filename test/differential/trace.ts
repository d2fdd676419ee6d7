import { supervisorsOf, type Scenario } from './scenario.ts'

/** What was seen of one step. */
export interface Observed {
  /**
   * In order: `start ACTOR SUPERVISOR`, `error CHILD SUPERVISOR` and `ignore CHILD SUPERVISOR` for what came of a
   * start, `hold CHILD SUPERVISOR`, `exit ACTOR SUPERVISOR REASON`. An actor is its name and how often that has been
   * started.
   */
  readonly events: readonly string[]
  /** The answer to the step, whenever it was given. */
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

/** Puts into one order what has none in OTP. */
export function normalize(scenario: Scenario, trace: Trace): Trace {
  const dynamic = new Set(
    supervisorsOf(scenario)
      .filter(({ strategy }) => strategy === 'simple_one_for_one')
      .map(({ name }) => name),
  )
  return trace.map(({ events, result }) => ({ events: sortParallel(gatherOrphans(events), dynamic), result }))
}

/** The children of a killed supervisor die while others go on (L10): they are put before it. */
function gatherOrphans(events: readonly string[]): readonly string[] {
  const killed = new Set(events.flatMap((event) => (exitOf(event)?.reason === 'killed' ? [event.split(' ')[1]] : [])))
  const isOrphan = (event: string): boolean => {
    const exit = exitOf(event)
    return exit?.reason === 'killed' && killed.has(exit.supervisor)
  }
  if (!events.some(isOrphan)) return events
  const orphans = events.filter(isOrphan).sort()
  return events
    .filter((event) => !isOrphan(event))
    .flatMap((event) => {
      const exit = exitOf(event)
      if (exit?.reason !== 'killed') return [event]
      return [...orphans.filter((orphan) => exitOf(orphan)?.supervisor === exit.actor), event]
    })
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
