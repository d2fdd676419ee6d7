// All kinds of rogue workers, by transport.
import { GRPC_ERRORS, GRPC_FAULTS, GRPC_ODDITIES, GRPC_STARTS } from './grpc-kinds.mjs'
import { LANE_ERRORS, LANE_FAULTS, LANE_ODDITIES, LANE_STARTS } from './lane-kinds.mjs'

/** What a kind ends with, by name: of the call, or of the start. */
const ends = (/** @type {Record<string, readonly unknown[]>} */ kinds) =>
  Object.fromEntries(Object.entries(kinds).map(([name, [, end]]) => [name, /** @type {RegExp} */ (end)]))

/** @type {import('./kinds.mjs').KINDS} */
export const KINDS = {
  socket: {
    faults: ends(LANE_FAULTS),
    errors: ends(LANE_ERRORS),
    oddities: Object.keys(LANE_ODDITIES),
    starts: ends(LANE_STARTS),
  },
  grpc: {
    faults: ends(GRPC_FAULTS),
    errors: ends(GRPC_ERRORS),
    oddities: Object.keys(GRPC_ODDITIES),
    starts: ends(GRPC_STARTS),
  },
}
