// The fuzz of what a host reads: its parser, and its sessions over a real socket. Nothing may be left of them.
import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Transport } from '../support/transport.ts'
import { within } from '../support/waiting.ts'
import { playCases, type FuzzOptions } from './fuzz.ts'
import { playParserCase } from './parser-fuzz.ts'
import { SessionFuzz } from './session-fuzz.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Cases after which what is made once is there. */
const WARM_UP = 200
/** Growth of the heap that is noise, in bytes: for each case less than one kept session or buffer. */
const NOISE = { once: 4e6, perCase: 200 }

/** Returns the number of faults. */
export async function fuzzHost(transport: Transport, options: FuzzOptions): Promise<number> {
  const { only, say } = options
  const uncaught: unknown[] = []
  const note = (error: unknown): void => {
    uncaught.push(error)
  }
  process.on('uncaughtException', note).on('unhandledRejection', note)
  let faults = 0
  try {
    if (transport === 'socket') faults += (await playCases('host, parser, socket', options, playParserCase)).faults
    const sessions = new SessionFuzz(transport)
    await sessions.open()
    let before = { heap: 0, descriptors: 0 }
    const play: typeof sessions.play = async (random, number) => {
      if (number === WARM_UP) before = await holdings()
      return await sessions.play(random, number)
    }
    const played = await playCases(`host, sessions, ${transport}`, options, play)
    faults += played.faults
    const after = await holdings()
    sessions.close()
    if (only === undefined && played.cases > WARM_UP) {
      const grown = after.heap - before.heap
      say(
        `host, sessions, ${transport}: heap ${grown} bytes, descriptors ${after.descriptors - before.descriptors} more`,
      )
      if (grown > NOISE.once + NOISE.perCase * played.cases) faults += 1
      if (after.descriptors > before.descriptors) faults += 1
    }
  } finally {
    process.off('uncaughtException', note).off('unhandledRejection', note)
  }
  for (const error of uncaught) say(`host, ${transport}: uncaught: ${String((error as Error).stack)}`)
  return faults + uncaught.length
}

/** What this process holds, once closed sockets are gone. */
async function holdings(): Promise<{ heap: number; descriptors: number }> {
  let descriptors = Infinity
  await within(
    1_000,
    () => {
      const now = readdirSync('/proc/self/fd').length
      const isStill = now >= descriptors
      descriptors = now
      return isStill
    },
    100,
  )
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return { heap: heapUsed + external, descriptors }
}
