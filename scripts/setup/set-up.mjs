// Brings a checkout to where its commands can run: installs what the lock files say, and builds. Uses only what Node
// has, since it runs before any installation. Each step leaves a stamp, so that a second run does nothing.
import { accessSync, constants } from 'node:fs'
import { endCommandsOnSignals } from './command.mjs'
import { SetUpError } from './failure.mjs'
import { acquireLock } from './lock.mjs'
import { build, dependencies, pnpm } from './node-steps.mjs'
import { pythonIn, root, venvs } from './paths.mjs'
import { createProgress } from './progress.mjs'
import { oldestVenv, protocVenv, pythonPackage, testTools, venv } from './python-steps.mjs'
import { readStamp, removeStamp, writeStamp } from './stamp.mjs'

const STEPS = {
  dependencies: [pnpm, dependencies],
  build: [pnpm, dependencies, build],
  run: [pnpm, dependencies, build, venv, pythonPackage],
  check: [pnpm, dependencies, build, venv, pythonPackage, testTools],
  test: [pnpm, dependencies, build, venv, pythonPackage, testTools, oldestVenv],
  protoc: [protocVenv],
}

/**
 * Brings the checkout up to date and skips what is.
 *
 * @param {{ progress?: ReturnType<typeof createProgress>, need?: keyof typeof STEPS }} [options]
 *   progress: default on stderr; need: default 'run'
 * @returns {Promise<{ python: string, oldestPython: string }>} the interpreters of the virtual environments
 * @throws {SetUpError} with the one message to print
 */
export async function setUp({ progress = createProgress(process.stderr), need = 'run' } = {}) {
  if (!Object.hasOwn(STEPS, need))
    throw new SetUpError(`Usage: npm run setup [-- WHAT], where WHAT is one of ${Object.keys(STEPS).join(', ')}.`)
  const result = { python: pythonIn(venvs.newest), oldestPython: pythonIn(venvs.oldest) }
  if (process.platform === 'win32')
    throw new SetUpError('Terrarium does not run on Windows. Use Linux, macOS, or Linux under WSL.')
  if (STEPS[need].every(isUpToDate)) return result

  assertWritable()
  // What is missing on this machine is told before anything is downloaded.
  for (const step of STEPS[need]) step.assertPossible?.()
  const lock = await acquireLock(({ pid }) => {
    progress.note(`Waiting for another set-up of this checkout (process ${pid}) …`)
  })
  const stopListening = endCommandsOnSignals(lock.release)
  try {
    for (const step of STEPS[need]) {
      if (isUpToDate(step)) continue
      removeStamp(step.name)
      const line = progress.step(step.title)
      try {
        const key = step.key()
        await step.run(line)
        writeStamp(step.name, { key, ...step.facts?.() })
      } catch (error) {
        line.fail()
        throw error
      }
      line.done()
    }
  } finally {
    stopListening()
    lock.release()
  }
  return result
}

const isUpToDate = (step) => {
  const stamp = readStamp(step.name)
  return stamp !== undefined && step.isThere() && stamp.key === step.key()
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
