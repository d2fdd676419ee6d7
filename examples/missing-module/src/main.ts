// The demonstration of a missing module.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { inOrder } from '@terrarium/cli'
import { createPool, type Pool } from '@terrarium/pool'
import { pino } from 'pino'
import { heal, refuse } from './acts.ts'
import { Protocol } from './protocol.ts'
import { BareVenv } from './venv.ts'

const HELP = `Shows what happens when the workers' interpreter lacks a module, and when the module appears.

  npm run demo:missing-module -- [--json]

  --json   the steps go to stderr, stdout is one JSON object with the figures
`

/** How many workers the pool has. */
const SIZE = 2

/** Resolves with the exit code: 0 when everything claimed was true and no process is left. */
export function main(argv: readonly string[]): Promise<number> {
  return inOrder(async (signal) => {
    const { values } = parseArgs({ args: [...argv], options: { json: { type: 'boolean' }, help: { type: 'boolean' } } })
    if (values.help !== true) return demonstrate(values.json === true, signal)
    process.stdout.write(HELP)
    return 0
  })
}

async function demonstrate(json: boolean, signal: AbortSignal): Promise<number> {
  const screen = json ? process.stderr : process.stdout
  const protocol = new Protocol((line) => screen.write(`${line}\n`))
  const folder = await mkdtemp(join(tmpdir(), 'terrarium-missing-module-'))
  try {
    protocol.step('making a virtual environment with pip and nothing else …')
    const base = process.env.TERRARIUM_PYTHON || 'python3'
    const venv = await BareVenv.make(join(folder, 'venv'), base, signal)
    const pool = openPool(venv.python)
    signal.addEventListener('abort', () => void pool.stop(), { once: true })
    let figures
    let left
    try {
      protocol.title('Act one: the interpreter lacks grpc')
      const refused = await refuse(pool, venv, protocol)
      protocol.title('Act two: the module appears while the pool is parked')
      const healed = await heal(pool, venv, refused.command, protocol, signal)
      figures = { ...refused, ...healed }
    } finally {
      const { processesLeft } = await pool.stop()
      left = processesLeft
      protocol.title(`processes left: ${left}`)
    }
    const holds = protocol.broken === 0 && left === 0
    if (json) process.stdout.write(`${JSON.stringify({ ...figures, broken: protocol.broken, processesLeft: left })}\n`)
    return holds ? 0 : 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function openPool(python: string): Pool {
  return createPool({
    name: 'demo',
    tools: new URL('../tools.py', import.meta.url),
    python,
    size: SIZE,
    env: { PYTHONPATH: '' }, // no module from elsewhere
    logger: pino({ level: 'silent' }), // the steps print what happens
  })
}
