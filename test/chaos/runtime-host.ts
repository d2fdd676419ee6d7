// The host of a runtime that the chaos kills.
import { once } from 'node:events'
import { readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { openRuntime, type OsProcess } from '@terrarium/process'
import { pino } from 'pino'

/**
 * Carries out orders, one a line, on processes of its own, and prints what becomes of them. See the orders below. It
 * writes synchronously, so that a SIGKILL loses nothing.
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

/**
 * Starts a process and prints `reserved`, `spawned`, `ready` (its first line, when the log has it), `exited`,
 * `released`; or `refused`.
 */
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
    void spawned.activate().then(() => {
      say({ is: 'ready', id, pid, spawn: spawnId, line })
    })
  })
  void spawned.exited.then((status) => {
    say({ is: 'exited', id, pid, spawn: spawnId, ...status })
  })
  void spawned.released.then(() => {
    processes.delete(id)
    say({ is: 'released', id, spawn: spawnId })
  })
  return spawned
}

/** The orders. */
interface Order {
  readonly do: string
  readonly id: string
  readonly ids: readonly string[]
  readonly command: string
  readonly args: readonly string[]
  readonly grace: number
  readonly ms: number
  readonly times: number
  readonly how: string
  readonly level: string
  readonly path: string
}

const orders: Readonly<Record<string, (order: Order) => unknown>> = {
  start: ({ id, command, args }) => start(id, command, args),
  kill: ({ id }) => void find(id).kill(),
  terminate: ({ id, grace }) => void find(id).terminate({ grace }),
  /** Signals every process when another process has exited, at each event that reports an exit. */
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
  /** Blocks the event loop for so many ms. */
  block({ ms }) {
    for (const end = performance.now() + ms; performance.now() < end;);
  },
  /** Sets the wall clock wrong by so many ms from now on. */
  jump({ ms }) {
    const { now } = Date
    Date.now = () => now() + ms
  },
  /** Makes LevelDB lose its lock. */
  async lose({ how, level, path }) {
    const { Level } = (await import(level)) as { Level: new (path: string) => { open(): Promise<void> } }
    if (how === 'a second open') await new Level(path).open().catch(() => undefined)
    else if (how === 'reading LOCK') readFileSync(join(path, 'LOCK'))
    else if (how === 'a second open in a thread') {
      const code = `import(${JSON.stringify(level)}).then(({ Level }) => new Level(${JSON.stringify(path)}).open()).catch(() => undefined)`
      await once(new Worker(code, { eval: true }), 'exit')
    }
    say({ is: 'lost' })
  },
  census: () => {
    say({ is: 'census', pids: runtime.census().map(({ pid }) => pid) })
  },
  /** Starts processes that exit by themselves, and starts each again so many times. */
  async cycle({ id, command, args, times }) {
    for (let n = 0; n < times; n++) await (await start(`${id}/${n}`, command, args)).exited
    say({ is: 'cycled', id })
  },
  /** Prints the memory in use after a garbage collection, in bytes. */
  figures: () => {
    gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    say({ is: 'figures', rss, heap: heapUsed + external })
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
