// What all commands of scripts/ have in common: how they end, and how a job is found, set up and run.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { explain } from './failure.mjs'
import { root } from './paths.mjs'
import { setUp } from './set-up.mjs'

export { setUp }

/** Runs a command's body: its number becomes the exit code, its error one message and exit code 1. */
export async function run(body) {
  try {
    const code = await body()
    if (typeof code === 'number') process.exitCode = code
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.exitCode = 1
  }
}

/**
 * Sets up, then runs the `main(argv): Promise<number>` of a job's module in this process. A job that needs Python finds
 * the interpreter of `.venv` in TERRARIUM_PYTHON.
 *
 * @param {Record<string, [what: string, path: string, need: string]>} jobs paths relative to the root
 * @param {string | undefined} name a list of the jobs is printed if it names none
 * @param {readonly string[]} argv
 */
export function runJob(jobs, name, argv) {
  return run(async () => {
    if (name === undefined || !Object.hasOwn(jobs, name)) {
      const list = Object.entries(jobs).map(([each, [what]]) => `  ${each.padEnd(26)}${what}\n`)
      process.stdout.write(`Usage: node scripts/job.mjs NAME [ARGUMENT …]\n${list.join('')}`)
      return name === undefined || name === '--help' ? 0 : 2
    }
    const [, path, need] = jobs[name]
    const { python } = await setUp({ need })
    if (need === 'run' || need === 'check') process.env.TERRARIUM_PYTHON = python
    const { main } = await import(pathToFileURL(join(root, path)).href)
    return main(argv)
  })
}
