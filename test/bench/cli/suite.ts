// The suite `cli`: `terrarium ps` beside `pm2 list`, both with the same number of processes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { observe } from '@terrarium/observe'
import { createPool } from '@terrarium/pool'
import { pino } from 'pino'
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import type { BenchContext, Suite } from '../suite.ts'
import { startPm2 } from './pm2.ts'

/** Workers of the pool, and processes that pm2 keeps. */
const PROCESSES = 4
const ROUNDS = 25
const QUICK_ROUNDS = 3
/** Of the time that `pm2 list` takes. */
const MOST = 0.35

const COMMAND = fileURLToPath(new URL('../../../../packages/cli/bin/terrarium.mjs', import.meta.url))
const TOOLS = fileURLToPath(new URL('../../../bench/wire/echo_tools.py', import.meta.url))

/** Measures how long the commands take that look at what runs, from their start to their end. */
export const cli: Suite = {
  name: 'cli',
  description:
    '`terrarium ps` beside `pm2 list`, with as many processes, and beside Node alone; needs the npm registry',
  needsWorkers: true,
  run: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'terrarium-bench-'))
    try {
      return await besidePm2(folder, context)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function besidePm2(folder: string, { quick, python, signal, log }: BenchContext): Promise<readonly Figure[]> {
  const pool = createPool({
    name: 'bench',
    tools: TOOLS,
    size: PROCESSES,
    python,
    stateDir: join(folder, 'state'),
    logger: pino({ level: 'silent' }),
  })
  const observer = await observe(pool)
  try {
    await pool.start()
    log('installing pm2')
    const pm2 = await startPm2(folder, PROCESSES, signal)
    try {
      const contenders: readonly Contender[] = [
        { command: pm2.command, env: pm2.env, shows: 'worker-4' },
        { command: [process.execPath, COMMAND, 'ps'], env: process.env, shows: 'worker-4' },
        { command: [process.execPath, '-e', '0'], env: process.env, shows: '' },
      ]
      const [list = NaN, ps = NaN, node = NaN] = await inTurns(contenders, quick ? QUICK_ROUNDS : ROUNDS, signal)
      return [
        figure({
          name: 'terrarium ps',
          value: ps,
          unit: 'ms',
          against: { name: 'pm2 list', value: list },
          target: { atMost: MOST },
        }),
        figure({ name: 'node -e 0', value: node, unit: 'ms', against: { name: 'pm2 list', value: list } }),
      ]
    } finally {
      await pm2.close()
    }
  } finally {
    await pool.stop()
    await observer.stop()
  }
}

interface Contender {
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** What its output has to have in it. */
  readonly shows: string
}

/** The median time of each, in ms, of rounds in which each runs once; one more round comes first and is not counted. */
async function inTurns(contenders: readonly Contender[], rounds: number, signal: AbortSignal): Promise<number[]> {
  const times: number[][] = contenders.map(() => [])
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      signal.throwIfAborted()
      const time = await timeOf(contender)
      if (round >= 0) times[index]?.push(time)
    }
  }
  return times.map(median)
}

async function timeOf({ command: [program = '', ...args], env, shows }: Contender): Promise<number> {
  const begun = performance.now()
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  const time = performance.now() - begun
  if (code !== 0 || !output.includes(shows)) throw new Error(`${args.join(' ')} ended with ${code}: ${output}`)
  return time
}
