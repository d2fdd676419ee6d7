// The command `npm run differential`.
import { parseArgs } from 'node:util'
import { ensureErlang } from '../support/erlang.ts'
import { search } from './differential.ts'
import { Erlang } from './erlang.ts'
import { formatDivergence } from './report.ts'
import { runTerrarium } from './terrarium.ts'

const USAGE = 'usage: npm run differential -- [--seed S] [--count N] [--only INDEX]'
const VMS = 2
const SHOWN = 10

interface Request {
  readonly seed: number
  readonly indices: readonly number[]
}

/**
 * Runs the command. Returns its exit code: 1 if there is a divergence or no Erlang, 2 for bad usage.
 */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    out(USAGE)
    return 0
  }
  const request = parseArguments(argv)
  if (typeof request === 'string') {
    log(`${request}\n${USAGE}`)
    return 2
  }
  const erlang = await ensureErlang(new AbortController().signal)
  if (!erlang.installed) {
    log(
      `Erlang/OTP is needed: ${erlang.reason}.\nInstall it, on Debian and Ubuntu with \`apt-get install erlang-base\`, and run the same command again.`,
    )
    return 1
  }
  const { seed, indices } = request
  log(`seed ${seed}, Erlang/OTP ${erlang.release}`)
  const vms = await Erlang.start(VMS)
  try {
    const begun = performance.now()
    const { divergences, found } = await search({
      seed,
      indices,
      sides: { erlang: vms.run, terrarium: runTerrarium },
      shown: SHOWN,
      onProgress: (done, divergent) => {
        if (done % 1_000 === 0) log(`${done} scenarios, ${divergent} divergences`)
      },
    })
    for (const divergence of divergences) out(`${formatDivergence(divergence, seed)}\n`)
    if (found.length > divergences.length) out(`also divergent: ${found.slice(divergences.length).join(' ')}\n`)
    log(`${((performance.now() - begun) / 1_000).toFixed(1)} s`)
    out(`divergences: ${found.length} of ${indices.length}`)
    return found.length === 0 ? 0 : 1
  } finally {
    await vms.stop()
  }
}

/** Returns what is wrong with the arguments, or undefined. */
export function parseArguments(argv: readonly string[]): Request | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seed: { type: 'string', default: '1' },
        count: { type: 'string', default: '1000' },
        only: { type: 'string' },
      },
    })
    for (const [name, value] of Object.entries(values)) {
      if (!/^\d{1,9}$/.test(value)) return `--${name} must be a whole number, not ${value}`
    }
    const indices =
      values.only === undefined ? Array.from({ length: Number(values.count) }, (_, i) => i) : [Number(values.only)]
    return { seed: Number(values.seed), indices }
  } catch (error) {
    return (error as Error).message
  }
}

function out(line: string): void {
  process.stdout.write(`${line}\n`)
}

function log(line: string): void {
  process.stderr.write(`${line}\n`)
}
