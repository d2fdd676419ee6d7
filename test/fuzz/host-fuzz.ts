// The fuzz of what a host reads: its parser, and its sessions over a real socket. Nothing may be left of them.
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
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
const NOISE = { once: 4e6, perCase: 20 }
/** How long what was released may take to be gone, in ms. */
const PATIENCE = 10_000
/** So many collections in a row that free less than this, in bytes, show that nothing falls any more. */
const [STILL, LITTLE] = [5, 20_000]

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
    let before: Holdings = { heap: 0, descriptors: 0 }
    const look = async (number: number): Promise<void> => {
      if (number === WARM_UP) before = await holdings()
    }
    const played = await playCases(`host, sessions, ${transport}`, options, (...of) => sessions.play(...of), look)
    faults += played.faults
    if (only === undefined && played.cases > WARM_UP) {
      const noise = NOISE.once + NOISE.perCase * played.cases
      const after = await holdings({ heap: before.heap + noise, descriptors: before.descriptors })
      const heap = after.heap - before.heap
      const descriptors = after.descriptors - before.descriptors
      const name = `host, sessions, ${transport}`
      say(`${name}: heap ${heap} bytes, descriptors ${descriptors} more`)
      const fault = (what: string): void => {
        faults += 1
        say(`${name}: fault: ${what}`)
      }
      if (heap > noise) fault(`the heap grew by ${heap} bytes, at most ${noise} are noise`)
      if (descriptors > 0) fault(`${after.descriptors} descriptors are open, ${before.descriptors} were`)
    }
    sessions.close()
  } finally {
    process.off('uncaughtException', note).off('unhandledRejection', note)
  }
  for (const error of uncaught) say(`host, ${transport}: uncaught: ${String((error as Error).stack)}`)
  return faults + uncaught.length
}

interface Holdings {
  /** Bytes on the heap and beside it. */
  readonly heap: number
  readonly descriptors: number
}

/**
 * What this process holds. Much of what is given up is released later: descriptors when libuv has closed them, memory
 * beside the heap by V8's sweeper or by a second collection, after finalizers have run. So garbage is collected again
 * until nothing falls any more, and for up to 10 s until no more is held than `most`.
 */
async function holdings(most: Holdings = { heap: Infinity, descriptors: Infinity }): Promise<Holdings> {
  let least: Holdings = { heap: Infinity, descriptors: Infinity }
  let still = 0
  await within(PATIENCE, async () => {
    const now = await collected()
    const fallen = least.heap - now.heap > LITTLE || now.descriptors < least.descriptors
    still = fallen ? 0 : still + 1
    least = {
      heap: Math.min(least.heap, now.heap),
      descriptors: Math.min(least.descriptors, now.descriptors),
    }
    return still >= STILL && least.heap <= most.heap && least.descriptors <= most.descriptors
  })
  return least
}

async function collected(): Promise<Holdings> {
  collect()
  await sleep(20)
  const { heapUsed, external } = process.memoryUsage()
  return { heap: heapUsed + external, descriptors: readdirSync('/proc/self/fd').length }
}
