// The command `npm run bench`.
import { runBench } from './run-bench.ts'
import { suites } from './suites.ts'

/** Runs the command. Returns its exit code. */
export function main(argv: readonly string[]): Promise<number> {
  return runBench(suites, argv, {
    out: (line) => process.stdout.write(`${line}\n`),
    log: (line) => process.stderr.write(`${line}\n`),
  })
}
