// The order that `dependsOn` gives to children, and the mistakes that it can have.
import { isList, isName, type Mistake } from '../base/checker.ts'
import { show } from '../base/show.ts'

/** A child, as far as its dependencies are concerned. */
export interface Linked {
  readonly id: string
  readonly dependsOn: readonly string[]
}

interface Sorted<T> {
  /** Each child behind the children that it depends on. Otherwise the order stays as it was. */
  readonly order: readonly T[]
  /** The ids along each circle of dependencies. */
  readonly cycles: readonly (readonly string[])[]
}

/** Sorts children by their dependencies. Ids of unknown children are ignored. */
export function inDependencyOrder<T extends Linked>(children: readonly T[]): Sorted<T> {
  if (!children.some(({ dependsOn }) => dependsOn.length > 0)) return { order: children, cycles: [] }
  const byId = new Map(children.map((child) => [child.id, child]))
  const order: T[] = []
  const cycles: string[][] = []
  const reached = new Set<T>()
  const done = new Set<T>()
  for (const root of children) {
    // A path instead of recursion, which a long chain of dependencies would take too deep.
    const path: { readonly child: T; next: number }[] = []
    const enter = (child: T): void => {
      reached.add(child)
      path.push({ child, next: 0 })
    }
    if (!reached.has(root)) enter(root)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { child, next } = top
      if (next === child.dependsOn.length) {
        order.push(child)
        done.add(child)
        path.pop()
        continue
      }
      top.next += 1
      const used = byId.get(child.dependsOn[next] ?? '')
      if (used === undefined || used === child || done.has(used)) continue
      if (reached.has(used)) cycles.push(path.slice(path.findIndex((each) => each.child === used)).map(idOf))
      else enter(used)
    }
  }
  return { order, cycles }
}

const idOf = ({ child: { id } }: { readonly child: Linked }): string => id

/** The ids that a specification's `dependsOn` names, as far as they are ids. */
export function dependenciesOf({ dependsOn }: { readonly dependsOn?: unknown }): readonly string[] {
  try {
    return isList(dependsOn) ? dependsOn.filter(isName) : []
  } catch {
    return [] // a proxy that throws; reported by the check of the field
  }
}

/** The mistakes in one specification's own `dependsOn`, which is a list of ids. */
export function mistakesOfOwn(id: unknown, dependsOn: readonly string[]): string[] {
  const repeated = dependsOn.filter((used, index) => dependsOn.indexOf(used) !== index)
  return [
    ...(dependsOn.some((used) => used === id) ? [`dependsOn names the child itself, ${show(id)}`] : []),
    ...[...new Set(repeated)].map((used) => `dependsOn names ${show(used)} more than once`),
  ]
}

/** The mistakes in the dependencies of children, given all children that will be known. `at`: the path to a child. */
export function mistakesOfDependencies(
  children: readonly Linked[],
  all: readonly Linked[],
  at: (index: number) => string,
): Mistake[] {
  const known = new Set(all.map(({ id }) => id))
  const unknown = children.flatMap(({ id, dependsOn }, index) =>
    [...new Set(dependsOn)]
      .filter((used) => used !== id && !known.has(used))
      .map((used) => ({
        fault: 'invalid_depends_on',
        text: `${at(index)}.dependsOn names ${show(used)}, and there is no such child`,
      })),
  )
  const circles = inDependencyOrder(all).cycles.map((ids) => ({
    fault: 'invalid_depends_on',
    text: `children depend on each other in a circle: ${[...ids, ids[0] ?? ''].join(' needs ')}`,
  }))
  return [...unknown, ...circles]
}
