// The steps of a set-up that make virtual environments and install into them.
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { failureOf } from './failure.mjs'
import { runCommand } from './command.mjs'
import { findInterpreter, isHandedOver, isUnchanged, requestedPython } from './interpreter.mjs'
import { pythonIn, requirementsFolder, root, setupFolder, venvs } from './paths.mjs'
import { contentOf, hashOf, readStamp } from './stamp.mjs'

const requirements = (name) => join(requirementsFolder, `${name}.txt`)
const packageFolder = join(root, 'python')
const TEST_LOCKS = ['test', 'values']

/**
 * A step that makes a virtual environment anew from locked requirements.
 *
 * @param {{ name: string, title: string, folder: string, locks: readonly string[], below?: number }} options
 *   locks: names of files in scripts/requirements; below: see findInterpreter
 */
function venvStep({ name, title, folder, locks, below }) {
  return {
    name,
    title,
    key: () =>
      hashOf([
        interpreterFor(name, below).executable,
        interpreterFor(name, below).version,
        folder, // its scripts hold absolute paths
        ...locks.map((lock) => contentOf(requirements(lock))),
      ]),
    isThere: () => existsSync(pythonIn(folder)),
    assertPossible: () => void interpreterFor(name, below),
    facts: () => ({ interpreter: interpreterFor(name, below), requested: requestedPython() ?? null }),
    async run(step) {
      const python = interpreterFor(name, below)
      await runPython(python.executable, ['-m', 'venv', '--clear', folder], python, step)
      for (const lock of locks) {
        await pip(folder, ['--only-binary', ':all:', '--require-hashes', '-r', requirements(lock)], python, step)
      }
    },
  }
}

/** `.venv`: the newest supported versions. */
export const venv = venvStep({
  name: 'venv',
  title: 'Making .venv',
  folder: venvs.newest,
  locks: ['run'],
})

/**
 * The Python package in `.venv`. Not a link to the sources: an interpreter that starts in a locale without UTF-8 cannot
 * read a link to a folder with other than ASCII letters, and ends.
 */
export const pythonPackage = {
  name: 'python-package',
  title: 'Installing the Python package',
  key: () => hashOf([readStamp('venv')?.made ?? '', ...packageFiles().flatMap((path) => [path, contentOf(path)])]),
  isThere: () => true,
  async run(step) {
    const copy = join(setupFolder, 'python-package')
    copyPythonPackage(copy)
    const args = ['--force-reinstall', '--no-deps', '--no-index', '--no-build-isolation', copy]
    await pip(venvs.newest, args, interpreterFor('venv'), step)
    rmSync(copy, { recursive: true, force: true })
  },
}

/** What the Python package is built from, copied anew: a build leaves its results beside the sources. */
export function copyPythonPackage(folder) {
  rmSync(folder, { recursive: true, force: true })
  for (const path of packageFiles()) cpSync(path, join(folder, relative(packageFolder, path)))
}

const packageFiles = () => [
  join(packageFolder, 'pyproject.toml'),
  join(packageFolder, 'README.md'),
  ...readdirSync(join(packageFolder, 'src', 'terrarium'), { recursive: true })
    .filter((name) => /\.(py|pyi|typed)$/.test(name))
    .map((name) => join(packageFolder, 'src', 'terrarium', name))
    .sort(),
]

/** For `.venv`: pytest and mypy, and the packages that values may come from. */
export const testTools = {
  name: 'test-tools',
  title: 'Adding the test tools to .venv',
  key: () => hashOf([readStamp('venv')?.made ?? '', ...TEST_LOCKS.map((lock) => contentOf(requirements(lock)))]),
  isThere: () => existsSync(join(venvs.newest, 'bin', 'pytest')),
  async run(step) {
    for (const lock of TEST_LOCKS) {
      const args = ['--only-binary', ':all:', '--require-hashes', '-r', requirements(lock)]
      await pip(venvs.newest, args, interpreterFor('venv'), step)
    }
  },
}

/** The oldest grpcio, protobuf and msgpack that are supported and have wheels for this interpreter. */
export const oldestVenv = venvStep({
  name: 'venv-oldest',
  title: 'Making the environment with the oldest supported versions',
  folder: venvs.oldest,
  locks: ['oldest', ...TEST_LOCKS],
})

/** The protoc that generates the Python stubs. */
export const protocVenv = venvStep({
  name: 'venv-protoc',
  title: 'Making the environment with protoc',
  folder: venvs.protoc,
  locks: ['protoc'],
  below: 13, // grpcio-tools 1.60.0, the oldest supported, has wheels up to Python 3.12
})

const chosen = new Map()

/**
 * The interpreter for a virtual environment: the one it was made from for as long as that exists and the caller asks
 * for the same, so that a second run need not look for one.
 */
function interpreterFor(name, below) {
  if (!chosen.has(name)) {
    const stamp = readStamp(name)
    const isSame = isHandedOver() || stamp?.requested === (requestedPython() ?? null)
    const isKept = isSame && stamp !== undefined && isUnchanged(stamp.interpreter)
    chosen.set(name, isKept ? stamp.interpreter : findInterpreter(below))
  }
  return chosen.get(name)
}

const pip = (folder, args, python, step) =>
  runPython(
    pythonIn(folder),
    ['-m', 'pip', 'install', '--retries', '2', '--disable-pip-version-check', '--no-input', ...args],
    python,
    step,
  )

async function runPython(executable, args, python, step) {
  // -I: neither PYTHONPATH nor the user's own packages; PIP_USER and PIP_TARGET would install elsewhere.
  const env = { PIP_USER: undefined, PIP_TARGET: undefined, PIP_PREFIX: undefined, PYTHONHOME: undefined }
  const result = await runCommand(executable, ['-I', ...args], { onLine: step.detail, env })
  if (result.code === 0) return
  throw failureOf(`python ${args.slice(0, 3).join(' ')}`, result, { registry: 'pip', python })
}
