// The command `npm run soak`.
import { runLongCommand, type LongCommandTools } from '../support/long-command.ts'
import { parseRequest, USAGE, type SoakRequest } from './request.ts'
import { soak } from './soak.ts'

/** Runs the command. Returns its exit code, see {@link runLongCommand}. */
export const main = (argv: readonly string[]): Promise<number> =>
  runLongCommand({ name: 'soak', usage: USAGE, parse: parseRequest, run }, argv)

async function run({ minutes, seed, transports }: SoakRequest, tools: LongCommandTools): Promise<number> {
  let faults = 0
  for (const transport of transports) {
    tools.say(`soak over ${transport}: ${minutes} minutes, seed ${seed}`)
    const wrong = await soak({ minutes, seed, transport, ...tools })
    for (const each of wrong) tools.say(`  WRONG ${each}`)
    faults += wrong.length
    if (tools.signal.aborted) break
  }
  return faults
}
