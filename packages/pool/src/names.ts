// The names of the pools that run in this host: two pools of one name are told apart by nothing, so a warning says so.
import type { AnyLogger } from '@terrarium/process'

/** The pools that run in this process, also the pools of other copies of this package. */
interface Names {
  readonly running: Map<string, number>
  /** A name is told once: a server that reloads its modules would tell it with each reload. */
  readonly told: Set<string>
}

const KEY = Symbol.for('terrarium.pools.1')

function names(): Names {
  const shared = globalThis as Partial<Record<symbol, Names>>
  return (shared[KEY] ??= { running: new Map(), told: new Set() })
}

/** A pool of this name begins to run; warns if there is one. Returns the function that says that it has ended. */
export function noteName(name: string, logger: AnyLogger): () => void {
  const { running, told } = names()
  const others = running.get(name) ?? 0
  running.set(name, others + 1)
  if (others > 0 && !told.has(name)) {
    told.add(name)
    const hint =
      'Keep one pool when modules are loaded again, as development servers do: globalThis.pool ??= createPool(…). ' +
      'Give pools that shall run side by side names of their own.'
    logger.warn({ hint }, `another pool named ${name} runs in this process`)
  }
  return () => {
    const left = (running.get(name) ?? 1) - 1
    if (left > 0) running.set(name, left)
    else running.delete(name)
  }
}
