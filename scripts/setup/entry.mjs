import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { explain } from './failure.mjs'
import { root } from './paths.mjs'
import { setUp } from './set-up.mjs'

/** Whether the module with this URL is the script that Node was started with. */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url)
}

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
 * Sets up, then runs a built module's `main(argv): Promise<number>` in this process, with TERRARIUM_PYTHON set to the
 * interpreter of `.venv`.
 *
 * @param {string} path of the built module, relative to the root
 * @param {{ need?: 'run' | 'build' }} [options] need: `build` for what does without Python; default `run`
 */
export function runJob(path, { need = 'run' } = {}) {
  return run(async () => {
    const { python } = await setUp({ need })
    if (need === 'run') process.env.TERRARIUM_PYTHON = python
    const { main } = await import(pathToFileURL(join(root, path)).href)
    return main(process.argv.slice(2))
  })
}
