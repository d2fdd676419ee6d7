// npm run generate: makes the stubs of proto/ anew, TypeScript for packages/worker and Python for python/, and the
// tables of docs/values.md. With --check nothing is written, and the exit code is 1 when a committed file differs.
import { generate } from './stubs.mjs'
import { generateValues } from './values.mjs'

export async function main(argv) {
  const options = { check: argv.includes('--check') }
  const codes = [await generate(options), await generateValues(options)]
  return Math.max(...codes)
}
