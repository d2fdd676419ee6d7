// All mutations, and the look at whether each can still be planted: sources and tests move, and a mutation that follows
// neither would notice nothing.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutation, Tests } from './mutation.ts'
import { PACKAGES } from './packages.ts'
import { POOL_CALLS } from './pool-calls.ts'
import { POOL } from './pool.ts'
import { SUPERVISOR } from './supervisor.ts'
import { VALUES } from './values.ts'

export const MUTATIONS: readonly Mutation[] = [...PACKAGES, ...SUPERVISOR, ...POOL, ...POOL_CALLS, ...VALUES]

/** Why the mutation cannot be planted, or its tests cannot be run; empty if both can. `root`: of a checkout. */
export function faultsOf(root: string, { file, find, breaks, tests }: Mutation): string[] {
  const count = (textOf(join(root, file))?.split(find).length ?? 1) - 1
  const faults = count === 1 ? [] : [`has ${count} times what is to be changed: ${find}`]
  for (const each of tests) {
    const text = textOf(join(root, pathOf(each)))
    if (text === undefined) faults.push(`has no tests in ${pathOf(each)}`)
    else if (!text.includes(each.name ?? '')) faults.push(`has no test named "${each.name}" in ${pathOf(each)}`)
  }
  return faults.map((fault) => `${file} (${breaks}) ${fault}`)
}

/** Relative to the root. */
const pathOf = (tests: Tests): string => ('pytest' in tests ? join('python', 'tests', tests.pytest) : tests.path)

const textOf = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)
