// The command `npm run fuzz`.
import { runLongCommand, type LongCommandTools } from '../support/long-command.ts'
import { fuzzHost } from './host-fuzz.ts'
import { parseRequest, USAGE, type FuzzRequest } from './request.ts'
import { fuzzWorker } from './worker-fuzz.ts'

/** Runs the command. Returns its exit code, see {@link runLongCommand}. */
export const main = (argv: readonly string[]): Promise<number> =>
  runLongCommand({ name: 'fuzz', usage: USAGE, parse: parseRequest, run }, argv)

async function run(request: FuzzRequest, { python, signal, say }: LongCommandTools): Promise<number> {
  const { seed, count, parts, transports, only } = request
  const options = { seed, count, only, signal, say }
  let faults = 0
  for (const transport of transports) {
    if (parts.includes('host')) faults += await fuzzHost(transport, options)
    if (parts.includes('worker')) faults += await fuzzWorker(transport, python, options)
  }
  return faults
}
