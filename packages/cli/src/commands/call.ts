// `terrarium call`: starts one worker, calls one tool, and prints its result as JSON.
import { parseArgs } from 'node:util'
import { createPool } from '@terrarium/pool'
import { pino } from 'pino'
import { toJson } from '../terminal/json.ts'
import { UsageError } from '../terminal/usage-error.ts'

/** Runs `terrarium call`. Resolves with the exit code. */
export async function call(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { timeout: { type: 'string' }, python: { type: 'string' } },
    allowPositionals: true,
  })
  const [tools, tool, json = '{}', ...rest] = positionals
  if (tools === undefined || tool === undefined || rest.length > 0) {
    throw new UsageError(
      'Give a Python file or module, the name of a tool and, if it takes arguments, one JSON object.',
    )
  }
  const args = parseArguments(json)
  const timeout = parseTimeout(values.timeout)
  const pool = createPool({
    name: 'call',
    tools,
    logger: pino({ level: 'silent' }), // every failure rejects, and is printed by inOrder()
    output: 'ignore',
    ...(values.python ? { python: values.python } : {}),
  })
  pool.on('worker.output', ({ line }) => {
    process.stderr.write(`${line}\n`)
  })
  signal.addEventListener('abort', () => void pool.stop(), { once: true })
  try {
    await pool.start()
    const value = await pool.call(tool, args, { signal, ...(timeout === undefined ? {} : { timeout }) })
    process.stdout.write(`${toJson(value)}\n`)
  } finally {
    await pool.stop()
  }
  return 0
}

function parseArguments(json: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new UsageError(`The arguments are not JSON: ${(error as Error).message}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new UsageError('The arguments must be one JSON object of keyword arguments, for example \'{"text": "a b"}\'.')
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const timeout = Number(text)
  if (/^\d+$/.test(text) && timeout > 0 && timeout < 2 ** 31) return timeout
  throw new UsageError(`--timeout must be a whole number of milliseconds, not ${text}.`)
}
