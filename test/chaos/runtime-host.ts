import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { openRuntime, type OsProcess } from '@terrarium/process'
import { pino } from 'pino'

/**
 * A host that is told, an order a line, what to do with processes of its own, and says what becomes of them: see the orders below.
 * What it says has been said before anything can happen to it.
 */
const [stateDir = '', python = '', reapInterval = '1000'] = process.argv.slice(2)

function say(event: object): void {
  writeSync(1, `${JSON.stringify(event)}\n`)
}

const logger = pino({ level: 'warn' }, pino.destination(2))
const runtime = await openRuntime({ python, stateDir, logger, reapInterval: Number(reapInterval) })
const processes = new Map<string, OsProcess>()
const find = (id: string): OsProcess => {
  const found = processes.get(id)
  if (found === undefined) throw new Error(`there is no process ${id}`)
  return found
}

/** Starts one and says `reserved`, `spawned`, `ready` (its first line), `exited`, `released`; or `refused`. */
async function start(id: string, command: string, args: readonly string[]): Promise<OsProcess> {
  const spawned = await runtime.spawn({
    name: id,
    command,
    args,
    onReserved: (spawn) => {
      say({ is: 'reserved', id, spawn })
    },
  })
  processes.set(id, spawned)
  const { pid, spawnId } = spawned
  say({ is: 'spawned', id, pid, spawn: spawnId })
  createInterface({ input: spawned.stdout }).once('line', (line) => {
    say({ is: 'ready', id, pid, spawn: spawnId, line })
  })
  void spawned.exited.then((status) => {
    say({ is: 'exited', id, pid, spawn: spawnId, ...status })
  })
  void spawned.released.then(() => {
    say({ is: 'released', id, spawn: spawnId })
  })
  return spawned
}

/** Each has what it needs. */
interface Order {
  readonly do: string
  readonly id: string
  readonly ids: readonly string[]
  readonly command: string
  readonly args: readonly string[]
  readonly grace: number
  readonly ms: number
  readonly times: number
}

const orders: Readonly<Record<string, (order: Order) => unknown>> = {
  start: ({ id, command, args }) => start(id, command, args),
  kill: ({ id }) => void find(id).kill(),
  terminate: ({ id, grace }) => void find(id).terminate({ grace }),
  /** Signals each of them when another one has exited, in every way in which that can be noticed. */
  avenge({ ids }) {
    const all = ids.map(find)
    const strike = (): void => {
      for (const each of all) {
        void each.terminate({ grace: 1 })
        void each.kill()
      }
    }
    for (const each of all) {
      void each.exited.then(() => {
        strike()
        process.nextTick(strike)
        queueMicrotask(strike)
      })
    }
  },
  /** Does nothing else for so many ms. */
  block({ ms }) {
    for (const end = performance.now() + ms; performance.now() < end;);
  },
  /** From now on the wall clock is wrong by so many ms. */
  jump({ ms }) {
    const { now } = Date
    Date.now = () => now() + ms
  },
  census: () => {
    say({ is: 'census', pids: runtime.census().map(({ pid }) => pid) })
  },
  /** Processes that exit by themselves and are started again, so many times each. */
  async cycle({ id, command, args, times }) {
    for (let n = 0; n < times; n++) await (await start(`${id}/${n}`, command, args)).exited
    say({ is: 'cycled', id })
  },
  figures: () => {
    say({ is: 'figures', rss: process.memoryUsage().rss, heap: process.memoryUsage().heapUsed })
  },
  async close() {
    say({ is: 'closed', ...(await runtime.close()) })
    process.exit(0)
  },
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line) as Order
    Promise.resolve()
      .then(() => orders[order.do]?.(order))
      .catch((error: unknown) => {
        const { code, message, hint } = error as { code?: string; message: string; hint?: string }
        say({ is: 'refused', order, code, message, hint })
      })
  })
  .on('close', () => process.exit(1))
const { level } = await runtime.containment()
await runtime.swept
say({ is: 'open', run: runtime.runId, installation: runtime.installation, level })
