// The arguments of the fuzz command.
import { parseArgs } from 'node:util'
import { TRANSPORTS, type Transport } from '../support/transport.ts'

/** The parts: who reads the damaged frames, over what. */
export const PARTS = ['host', 'worker'] as const
export type Part = (typeof PARTS)[number]

export interface FuzzRequest {
  readonly seed: number
  /** Mutated frames of each part and transport. */
  readonly count: number
  readonly parts: readonly Part[]
  readonly transports: readonly Transport[]
  /** The number of a case to play alone. */
  readonly only: number | undefined
}

export const USAGE = `usage: npm run fuzz -- [--seed S] [--count N] [--part ${PARTS.join('|')}] [--transport ${TRANSPORTS.join('|')}] [--only CASE]
By default 200,000 mutated frames of each part and transport, and seed 1.`

/** Returns what is wrong with the arguments, or undefined. */
export function parseRequest(argv: readonly string[]): FuzzRequest | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seed: { type: 'string', default: '1' },
        count: { type: 'string', default: '200000' },
        part: { type: 'string' },
        transport: { type: 'string' },
        only: { type: 'string' },
      },
    })
    for (const name of ['seed', 'count', 'only'] as const) {
      const value = values[name]
      if (value !== undefined && !/^\d{1,9}$/.test(value)) return `--${name} must be a whole number, not ${value}`
    }
    const parts = PARTS.filter((each) => values.part === undefined || each === values.part)
    if (parts.length === 0) return `--part must be one of ${PARTS.join(', ')}, not ${String(values.part)}`
    const transports = TRANSPORTS.filter((each) => values.transport === undefined || each === values.transport)
    if (transports.length === 0) {
      return `--transport must be one of ${TRANSPORTS.join(', ')}, not ${String(values.transport)}`
    }
    const only = values.only === undefined ? undefined : Number(values.only)
    return { seed: Number(values.seed), count: Number(values.count), parts, transports, only }
  } catch (error) {
    return (error as Error).message
  }
}
