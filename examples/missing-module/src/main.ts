// The demonstration of a missing module.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { inOrder } from '@terrarium/cli'
import { createPool, type Pool } from '@terrarium/pool'
import { pino } from 'pino'
import { heal, refuse, type Healed, type Lack, type Refused } from './acts.ts'
import { Protocol } from './protocol.ts'
import { BareVenv } from './venv.ts'

const HELP = `Shows what happens when the workers' interpreter lacks a module, and when the module appears: a module that the
tools import, and then what transport 'grpc' needs.

  npm run demo:missing-module -- [--json]

  --json   the steps go to stderr, stdout is one JSON object with the figures
`

/** How many workers each pool has. */
const SIZE = 2

const TOOLS: Lack = { modules: ['msgpack'], packages: ['msgpack'] }
const GRPC: Lack = { modules: ['grpc', 'google.protobuf'], packages: ['grpcio', 'protobuf'] }

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
    protocol.title('Act one: the tools import msgpack, which the interpreter lacks. Terrarium itself lacks nothing')
    const tools = await missAndHeal(openPool(venv.python, 'socket'), venv, TOOLS, protocol, signal)
    protocol.title("Act two: the same tools with transport 'grpc', for which the interpreter lacks grpc and protobuf")
    const grpc = await missAndHeal(openPool(venv.python, 'grpc'), venv, GRPC, protocol, signal)
    const processesLeft = tools.processesLeft + grpc.processesLeft
    const holds = protocol.broken === 0 && processesLeft === 0
    const figures = { tools, grpc, broken: protocol.broken, slow: protocol.slow, processesLeft }
    if (json) process.stdout.write(`${JSON.stringify(figures)}\n`)
    return holds ? 0 : 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The pool does not start, and starts when what it lacks appears while it is parked. Ends the pool. */
async function missAndHeal(
  pool: Pool,
  venv: BareVenv,
  lack: Lack,
  protocol: Protocol,
  signal: AbortSignal,
): Promise<Refused & Healed & { readonly processesLeft: number }> {
  const stop = (): void => void pool.stop()
  signal.addEventListener('abort', stop, { once: true })
  let figures
  let left
  try {
    const refused = await refuse(pool, venv, lack, protocol)
    const healed = await heal(pool, venv, lack, refused.command, protocol, signal)
    figures = { ...refused, ...healed }
  } finally {
    signal.removeEventListener('abort', stop)
    left = (await pool.stop()).processesLeft
    protocol.step(`processes left: ${left}`)
  }
  return { ...figures, processesLeft: left }
}

function openPool(python: string, transport: 'socket' | 'grpc'): Pool {
  return createPool({
    name: 'demo',
    transport,
    tools: new URL('../tools.py', import.meta.url),
    python,
    size: SIZE,
    env: { PYTHONPATH: '' }, // no module from elsewhere
    logger: pino({ level: 'silent' }), // the steps print what happens
  })
}
