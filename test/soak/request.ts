// The arguments of the soak command.
import { parseArgs } from 'node:util'
import { TRANSPORTS, type Transport } from '../support/transport.ts'

export interface SoakRequest {
  readonly minutes: number
  readonly seed: number
  /** So many items go through one stream instead, over each transport. */
  readonly items?: number
  readonly transports: readonly Transport[]
}

export const USAGE = `usage: npm run soak -- [--minutes M] [--seed S] [--transport ${TRANSPORTS.join('|')}]
       npm run soak -- --items N [--transport ${TRANSPORTS.join('|')}]
By default 10 minutes with each transport, and seed 1. With --items, N items go through one stream instead, and the
memory of both sides has to stay as it is after the first tenth.`

/** Returns what is wrong with the arguments, or undefined. */
export function parseRequest(argv: readonly string[]): SoakRequest | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
        items: { type: 'string' },
        transport: { type: 'string' },
      },
    })
    const { minutes, seed, items, transport } = values
    if (!(Number(minutes) > 0)) return `--minutes must be a number above 0, not ${minutes}`
    if (!/^\d{1,9}$/.test(seed)) return `--seed must be a whole number, not ${seed}`
    if (items !== undefined && !/^[1-9]\d{1,11}$/.test(items))
      return `--items must be a whole number from 10, not ${items}`
    const transports = TRANSPORTS.filter((each) => transport === undefined || each === transport)
    if (transports.length === 0) return `--transport must be one of ${TRANSPORTS.join(', ')}, not ${String(transport)}`
    const more = items === undefined ? {} : { items: Number(items) }
    return { minutes: Number(minutes), seed: Number(seed), transports, ...more }
  } catch (error) {
    return (error as Error).message
  }
}
