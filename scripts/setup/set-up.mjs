// Brings a checkout to where its commands can run: installs what the lock files say, and builds. Uses only what Node
// has, since it runs before any installation. Each step leaves a stamp, so that a second run does nothing.
import { createHash } from 'node:crypto'
import { accessSync, constants, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { endCommandsOnSignals } from './command.mjs'
import { SetUpError } from './failure.mjs'
import { acquireLock } from './lock.mjs'
import { pythonIn, readJson, root, setupFolder, venvs } from './paths.mjs'
import { createProgress } from './progress.mjs'
import { build, bytecode, dependencies, learningVenv, oldestBytecode, oldestVenv, pnpm } from './steps.mjs'
import { protocVenv, pythonPackage, testTools, venv } from './steps.mjs'

const STEPS = {
  dependencies: [pnpm, dependencies],
  build: [pnpm, dependencies, build],
  run: [pnpm, dependencies, build, venv, pythonPackage, bytecode],
  test: [pnpm, dependencies, build, venv, pythonPackage, bytecode, testTools],
  everything: [pnpm, dependencies, build, venv, pythonPackage, bytecode, testTools, oldestVenv, oldestBytecode],
  learning: [pnpm, dependencies, build, learningVenv],
  protoc: [protocVenv],
}

/** npm run setup [-- NEED]. @param {readonly string[]} argv */
export const main = ([need]) => setUp({ need })

/**
 * Brings the checkout up to date and skips what is.
 *
 * @param {{ progress?: ReturnType<typeof createProgress>, need?: keyof typeof STEPS }} [options]
 *   progress: default on stderr; need: default 'run'
 * @returns {Promise<{ python: string, oldestPython: string, learningPython: string }>} the interpreters of the
 *   virtual environments
 * @throws {SetUpError} with the one message to print
 */
export async function setUp({ progress = createProgress(process.stderr), need = 'run' } = {}) {
  if (!Object.hasOwn(STEPS, need))
    throw new SetUpError(`Usage: npm run setup [-- WHAT], where WHAT is one of ${Object.keys(STEPS).join(', ')}.`)
  const result = {
    python: pythonIn(venvs.newest),
    oldestPython: pythonIn(venvs.oldest),
    learningPython: pythonIn(venvs.learning),
  }
  if (process.platform === 'win32')
    throw new SetUpError('Terrarium does not run on Windows. Use Linux, macOS, or Linux under WSL.')
  if (STEPS[need].every(isUpToDate)) return result

  assertWritable()
  // What is missing on this machine is told before anything is downloaded.
  for (const step of STEPS[need]) if (!isUpToDate(step)) step.assertPossible?.()
  const lock = await acquireLock(({ pid }) => {
    progress.note(`Waiting for another set-up of this checkout (process ${pid}) …`)
  })
  const stopListening = endCommandsOnSignals(lock.release)
  try {
    for (const step of STEPS[need]) if (!isUpToDate(step)) await run(step, progress.step(step.title))
  } finally {
    stopListening()
    lock.release()
  }
  return result
}

/**
 * Runs a step. Its stamp, which says that it is done for its inputs, is removed before it begins and written after its
 * last effect, so a step that was killed has none and runs again.
 */
async function run(step, line) {
  const stamp = stampOf(step)
  // The inputs that it begins with: what changes meanwhile is done by the next run.
  const key = keyOf(step)
  rmSync(stampPath(step), { force: true })
  try {
    await step.run(line, stamp)
    const draft = `${stampPath(step)}.${process.pid}`
    writeFileSync(draft, `${JSON.stringify({ key, ...step.facts?.() }, null, 2)}\n`, { flush: true })
    renameSync(draft, stampPath(step))
  } catch (error) {
    line.fail()
    throw error
  }
  line.done()
}

const stampPath = ({ name }) => join(setupFolder, `${name}.json`)
const keyOf = (step) => createHash('sha256').update(JSON.stringify(step.inputs())).digest('hex')

/** The stamp of a step, or undefined when there is none that can be read. */
function stampOf(step) {
  try {
    return readJson(stampPath(step))
  } catch {
    return undefined
  }
}

function isUpToDate(step) {
  const stamp = stampOf(step)
  return stamp !== undefined && step.isThere(stamp) && stamp.key === keyOf(step)
}

function assertWritable() {
  try {
    accessSync(root, constants.W_OK)
  } catch {
    throw new SetUpError(
      `${root} is read-only for this user. Set up a copy that can be written to, or make this one writable, and run the same command again.`,
    )
  }
}
