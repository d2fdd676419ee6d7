// npm run generate: makes the stubs of proto/ anew, TypeScript for packages/worker and Python for python/, and the
// tables of docs/values.md. With --check nothing is written, and the exit code is 1 when a committed file differs.
import { generate } from './stubs.mjs'
import { generateValues } from './values.mjs'

const USAGE = `Usage: npm run generate [-- --check]

Writes the stubs of proto/ and the tables of docs/values.md. With --check nothing is written, and the exit code is 1
when a committed file differs.
`

export async function main(argv) {
  if (argv.includes('--help')) return void process.stdout.write(USAGE)
  if (argv.some((argument) => argument !== '--check')) {
    process.stderr.write(USAGE)
    return 2
  }
  const options = { check: argv.includes('--check') }
  const codes = [await generate(options), await generateValues(options)]
  return Math.max(...codes)
}
