// The arguments of the chaos command.
import { parseArgs } from 'node:util'
import type { Containment } from '@terrarium/process'
import { TARGETS } from './targets.ts'
import { LEVELS } from './levels.ts'
import type { Lack, Target } from './target.ts'

export interface Request {
  readonly seed: number
  /** Per target and level; each target has its own default. */
  readonly rounds: number | undefined
  /** Only this round, to see it again. */
  readonly only: number | undefined
  readonly targets: readonly Target[]
  readonly levels: readonly Containment[]
  /** True if the levels were named. Then a level that this machine lacks is a fault. */
  readonly areLevelsNamed: boolean
  /** Runs nothing; prints as JSON what this machine lacks, see {@link Lacks}. */
  readonly check: boolean
}

/** What `--check` prints. */
export interface Lacks {
  readonly levels: Readonly<Record<string, string | undefined>>
  readonly targets: Readonly<Record<string, Lack>>
}

export const USAGE = `usage: npm run chaos -- [--rounds N] [--seed S] [--target T[,T]] [--level L[,L]] [--only ROUND] [--check]
targets: ${TARGETS.map(({ name }) => name).join(', ')}
levels: ${LEVELS.join(', ')}; all that there are by default`

/** Returns what is wrong with the arguments, or undefined. */
export function parseRequest(argv: readonly string[]): Request | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seed: { type: 'string', default: '1' },
        rounds: { type: 'string' },
        only: { type: 'string' },
        target: { type: 'string' },
        level: { type: 'string' },
        check: { type: 'boolean', default: false },
      },
    })
    for (const name of ['seed', 'rounds', 'only'] as const) {
      const value = values[name]
      if (value !== undefined && !/^\d{1,9}$/.test(value)) return `--${name} must be a whole number, not ${value}`
    }
    if (values.rounds === '0') return '--rounds must be at least 1'
    const names =
      values.target?.split(',') ?? TARGETS.filter(({ onlyOnDemand }) => onlyOnDemand !== true).map(({ name }) => name)
    const unknown = names.find((name) => !TARGETS.some((target) => target.name === name))
    if (unknown !== undefined) return `there is no target ${unknown}`
    const levels = (values.level?.split(',') ?? LEVELS) as Containment[]
    const strange = levels.find((level) => !LEVELS.includes(level))
    if (strange !== undefined) return `there is no level ${strange}`
    const number = (value: string | undefined): number | undefined => (value === undefined ? undefined : Number(value))
    return {
      seed: Number(values.seed),
      rounds: number(values.rounds),
      only: number(values.only),
      targets: TARGETS.filter(({ name }) => names.includes(name)),
      levels,
      areLevelsNamed: values.level !== undefined,
      check: values.check,
    }
  } catch (error) {
    return (error as Error).message
  }
}
