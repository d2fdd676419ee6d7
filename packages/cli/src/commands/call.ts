// `terrarium call`: starts one worker, calls one tool, and prints its result as JSON.
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { createPool } from '@terrarium/pool'
import { pino } from 'pino'
import { toJson } from '../terminal/json.ts'
import { UsageError } from '../terminal/usage-error.ts'

export interface CallOptions {
  readonly json?: boolean
  readonly timeout?: string
  readonly python?: string
}

/** Runs `terrarium call`. `json`: the arguments, `-` for stdin, `@file` for a file. Resolves with the exit code. */
export async function call(
  tools: string,
  tool: string,
  json: string,
  options: CallOptions,
  signal: AbortSignal,
): Promise<number> {
  const timeout = parseTimeout(options.timeout)
  const args = parseArguments(await readArguments(json))
  const pool = createPool({
    name: 'call',
    tools,
    logger: pino({ level: 'silent' }), // every failure rejects, and is printed by inOrder()
    output: 'ignore',
    ...(options.python ? { python: options.python } : {}),
  })
  pool.on('worker.output', ({ line }) => {
    process.stderr.write(`${line}\n`)
  })
  signal.addEventListener('abort', () => void pool.stop(), { once: true })
  try {
    await pool.start()
    const value = await pool.call(tool, args, { signal, ...(timeout === undefined ? {} : { timeout }) })
    process.stdout.write(`${options.json === true ? `{"value":${toJson(value)}}` : toJson(value)}\n`)
  } finally {
    await pool.stop()
  }
  return 0
}

/** The JSON text itself, or where it is: `-` is stdin, `@PATH` a file. */
async function readArguments(given: string): Promise<string> {
  if (given === '-') return text(process.stdin)
  if (!given.startsWith('@')) return given
  const path = given.slice(1)
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`The arguments cannot be read: ${(error as Error).message}`)
  })
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
