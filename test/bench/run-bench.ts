// The benchmark command: checks its arguments, runs one suite, prints the rows.
import { parseArgs } from 'node:util'
import { assertEquipped } from './equipped.ts'
import { describeMachine } from './machine.ts'
import { formatMachine, formatTable } from './report.ts'
import type { Suite } from './suite.ts'

const USAGE = 'usage: npm run bench -- SUITE [--seed S] [--json] [--quick]'

/** Where a bench writes: the results to `out`, everything else to `log`. */
export interface Terminal {
  readonly out: (line: string) => void
  readonly log: (line: string) => void
}

/**
 * Runs one suite and prints its rows, with `--json` also as one object in the last line. Returns the exit code: 0,
 * 1 when a target is missed, 2 for bad usage, 130 when it was interrupted. Rejects when the suite cannot be run or
 * finds something wrong.
 */
export async function runBench(
  suites: readonly Suite[],
  argv: readonly string[],
  { out, log }: Terminal,
): Promise<number> {
  if (argv.includes('--help')) {
    out(`${USAGE}\n\n${listSuites(suites)}`)
    return 0
  }
  const request = parseArguments(argv)
  if (typeof request === 'string') {
    log(`${request}\n${USAGE}`)
    return 2
  }
  const { seed, json, quick } = request
  if (request.suite === undefined) {
    out(`${USAGE}\n\n${listSuites(suites)}`)
    return 0
  }
  const suite = suites.find(({ name }) => name === request.suite)
  if (suite === undefined) {
    log(`There is no suite ${request.suite}. There are:\n${listSuites(suites)}`)
    return 2
  }
  const python = process.env.TERRARIUM_PYTHON
  if (python === undefined || python === '') {
    log('TERRARIUM_PYTHON does not say which Python to use; `npm run bench` sets it.')
    return 2
  }

  const interruption = new AbortController()
  const interrupt = (): void => {
    interruption.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    const machine = await describeMachine(python)
    log(formatMachine(machine))
    if (suite.needsWorkers === true) await assertEquipped(python, interruption.signal)
    const figures = await suite.run({ seed, quick, python, signal: interruption.signal, log })
    out(formatTable(figures))
    if (json) out(JSON.stringify({ suite: suite.name, seed, machine, figures }))
    return figures.some(({ met }) => met === false) ? 1 : 0
  } catch (error) {
    if (!interruption.signal.aborted) throw error
    log('interrupted')
    return 130
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

interface Request {
  readonly suite: string | undefined
  readonly seed: number
  readonly json: boolean
  readonly quick: boolean
}

/** Returns what is wrong with the arguments, or undefined. */
function parseArguments(argv: readonly string[]): Request | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        seed: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
      },
    })
    const { seed, json, quick } = values
    if (positionals.length > 1) return `one suite at a time, not ${positionals.join(', ')}`
    if (!/^\d{1,15}$/.test(seed)) return `--seed must be a whole number, not ${seed}`
    return { suite: positionals[0], seed: Number(seed), json, quick }
  } catch (error) {
    return (error as Error).message
  }
}

function listSuites(suites: readonly Suite[]): string {
  const width = Math.max(...suites.map(({ name }) => name.length))
  return suites.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`).join('\n')
}
