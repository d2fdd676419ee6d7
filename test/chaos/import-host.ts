// A host whose pool cannot start.
import { writeSync } from 'node:fs'
import { createPool } from '@terrarium/pool'
import { isTerrariumError } from '@terrarium/supervisor'
import { pino } from 'pino'

/** Prints why a pool of one worker cannot start, and how often it was started within so many ms. */
const [stateDir = '', python = '', tools = '', ms = '0'] = process.argv.slice(2)
const pool = createPool({ name: 'broken', tools, python, stateDir, logger: pino({ level: 'silent' }) })
const begun = performance.now()
let wasReady = false
pool.on('worker.ready', () => (wasReady = true))
const started = pool.start().then(
  () => ({ code: 'STARTED', message: '' }),
  (error: unknown) =>
    isTerrariumError(error) ? { code: error.code, message: error.message } : { code: 'OTHER', message: String(error) },
)
const outcome = await Promise.race([
  started,
  new Promise<{ code: string; message: string }>((resolve) =>
    setTimeout(resolve, Number(ms), { code: 'STARTING', message: '' }),
  ),
])
// Waits, because the worker may be started again all the same.
await new Promise((resolve) => setTimeout(resolve, Number(ms) - (performance.now() - begun)))
const { starts } = pool.stats
const { processesLeft } = await pool.stop()
writeSync(1, `${JSON.stringify({ is: 'outcome', ...outcome, starts, wasReady, processesLeft })}\n`)
