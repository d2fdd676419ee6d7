// The arguments of the soak command.
import { parseArgs } from 'node:util'
import { TRANSPORTS, type Transport } from '../support/transport.ts'

export interface SoakRequest {
  readonly minutes: number
  readonly seed: number
  readonly transports: readonly Transport[]
}

export const USAGE = `usage: npm run soak -- [--minutes M] [--seed S] [--transport ${TRANSPORTS.join('|')}]
By default 10 minutes with each transport, and seed 1.`

/** Returns what is wrong with the arguments, or undefined. */
export function parseRequest(argv: readonly string[]): SoakRequest | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
        transport: { type: 'string' },
      },
    })
    const { minutes, seed, transport } = values
    if (!(Number(minutes) > 0)) return `--minutes must be a number above 0, not ${minutes}`
    if (!/^\d{1,9}$/.test(seed)) return `--seed must be a whole number, not ${seed}`
    const transports = TRANSPORTS.filter((each) => transport === undefined || each === transport)
    if (transports.length === 0) return `--transport must be one of ${TRANSPORTS.join(', ')}, not ${String(transport)}`
    return { minutes: Number(minutes), seed: Number(seed), transports }
  } catch (error) {
    return (error as Error).message
  }
}
