import { runBench } from './run-bench.ts'
import { suites } from './suites.ts'

/** The command `npm run bench`; answers its exit code. */
export function main(argv: readonly string[]): Promise<number> {
  return runBench(suites, argv, {
    out: (line) => process.stdout.write(`${line}\n`),
    log: (line) => process.stderr.write(`${line}\n`),
  })
}
