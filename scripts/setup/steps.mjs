// The steps of a set-up. A step has a name, a title, what it depends on (`inputs`, strings and numbers), whether its
// result is still there (`isThere`, given its stamp), what its stamp notes besides (`facts`), and what it does (`run`).
import { cpSync, existsSync, realpathSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { SetUpError, diagnose, failureOf } from './failure.mjs'
import { runCommand } from './command.mjs'
import { findInterpreter, isHandedOver, requestedPython } from './interpreter.mjs'
import { contentOf, filesIn, pnpmScript, pythonIn, root, setupFolder } from './paths.mjs'
import { tscCommand, venvs, workspaceFolders } from './paths.mjs'

const PNPM = 'pnpm@12.21.0'
const PLATFORM = [PNPM, process.platform, process.arch]

/** Each file of the checkout with its content. */
const contents = (paths) => paths.flatMap((path) => [path, contentOf(join(root, path))])

/** Runs a command that has to succeed. `what` and `context` are for the message if it does not. */
async function must(what, command, args, options, context) {
  const result = await runCommand(command, args, options)
  if (result.code !== 0) throw failureOf(what, result, context)
}

/** The pinned pnpm, from the registry npm is set to, into the checkout. */
export const pnpm = {
  name: 'pnpm',
  title: `Fetching ${PNPM}`,
  inputs: () => PLATFORM,
  isThere: () => existsSync(pnpmScript),
  async run(line) {
    const folder = join(setupFolder, 'pnpm')
    rmSync(folder, { recursive: true, force: true })
    const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
    const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
    const args = ['install', '--prefix', folder, ...quiet, ...patience, PNPM]
    await must(`npm install ${PNPM}`, 'npm', args, { onLine: line.detail }, { registry: 'npm' }).catch((error) => {
      if (error.code !== 'ENOENT') throw error
      throw new SetUpError('npm is not on PATH. It comes with Node.js; install it, and run the same command again.')
    })
  },
}

/** What pnpm-lock.yaml says, into node_modules. */
export const dependencies = {
  name: 'dependencies',
  title: 'Installing the locked dependencies',
  inputs: () => [
    ...PLATFORM,
    ...contents(['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']),
    ...contents(workspaceFolders().map((folder) => join(folder, 'package.json'))),
  ],
  isThere: () => existsSync(join(root, 'node_modules', '.modules.yaml')) && existsSync(tscCommand),
  async run(line) {
    const env = {
      CI: 'true', // never ask before node_modules of another pnpm is replaced
      // Its own minute between tries looks like a hang.
      pnpm_config_fetch_retries: '2',
      pnpm_config_fetch_retry_factor: '2',
      pnpm_config_fetch_retry_mintimeout: '500',
      pnpm_config_network_concurrency: '48',
    }
    const args = [pnpmScript, 'install', '--frozen-lockfile', '--prod=false']
    await must('pnpm install', process.execPath, args, { onLine: line.detail, env }, { registry: 'npm' })
  },
}

const workspaceFiles = () =>
  ['packages', 'examples', 'test'].flatMap((folder) => filesIn(join(root, folder)).map((path) => join(folder, path)))

/** Whether a build may depend on a file: tests run without one. */
const isSource = (path) =>
  /(\.tsx?|\.css|\/tsconfig\.json|\/bundle\.mjs)$/.test(path) && !/\/(dist|node_modules)\/|\.test\.ts$/.test(path)

const missing = (outputs = []) => outputs.filter((path) => !existsSync(join(root, path)))

/** Make single files: the page of the inspector, and of the command what only looks. */
const BUNDLES = ['inspector', 'cli'].map((name) => join(root, 'packages', name, 'bundle.mjs'))

/** Every TypeScript project that tsconfig.build.json refers to, into its dist folder, and the page. */
export const build = {
  name: 'build',
  title: 'Building',
  inputs: () => contents([...workspaceFiles().filter(isSource), 'tsconfig.build.json', 'tsconfig.base.json']),
  isThere: ({ outputs }) => missing(outputs).length === 0,
  facts: () => ({ outputs: workspaceFiles().filter((path) => /\/dist\/.*\.(js|html)$/.test(path)) }),
  async run(_, stamp) {
    // tsc trusts its build information and does not look whether the outputs are still there.
    for (const output of missing(stamp?.outputs)) {
      rmSync(join(root, output.split('/dist/')[0], 'dist', '.tsbuildinfo'), { force: true })
    }
    const { code, output } = await runCommand(process.execPath, [tscCommand, '-b', 'tsconfig.build.json'])
    const unknown = `${output.trim()}\nThe TypeScript sources do not build: see the errors above.`
    if (code !== 0) throw new SetUpError(diagnose(output) ?? unknown)
    for (const bundle of BUNDLES) await must(`the bundle ${bundle}`, process.execPath, [bundle], {})
  },
}

const requirements = (lock) => `scripts/requirements/${lock}.txt`

/**
 * A step that makes a virtual environment anew from locked requirements.
 *
 * @param {{ name: string, title: string, folder: string, locks: readonly string[], below?: number }} options
 *   locks: names of files in scripts/requirements; below: see findInterpreter
 */
function venvStep({ name, title, folder, locks, below }) {
  const requested = () => requestedPython() ?? null
  return {
    name,
    title,
    // The folder too: scripts of an environment hold absolute paths.
    inputs: () => [folder, ...contents(locks.map(requirements))],
    // For as long as its interpreter exists and the caller asks for the same: a second run need not look for one.
    isThere: (stamp) =>
      isDeepStrictEqual(stamp.interpreter, interpreterOf(folder)) &&
      (isHandedOver() || stamp.requested === requested()),
    assertPossible: () => void findInterpreter(below),
    facts: () => ({ interpreter: interpreterOf(folder), requested: requested() }),
    async run(line) {
      const python = findInterpreter(below)
      await runPython(python.executable, ['-m', 'venv', '--clear', folder], line, python)
      await installLocks(folder, locks, line)
    },
  }
}

/** The interpreter that an environment was made from, as it is now. */
function interpreterOf(folder) {
  if (!existsSync(pythonIn(folder))) return undefined
  const executable = realpathSync(pythonIn(folder))
  const { size, mtimeMs } = statSync(executable)
  const [, version] = /^version *= *(.*)$/m.exec(contentOf(join(folder, 'pyvenv.cfg'))) ?? []
  return { executable, version, size, mtimeMs }
}

/** When an environment was made: what was installed into an earlier one is gone with it. */
const madeAt = (folder) => statSync(join(folder, 'pyvenv.cfg'), { throwIfNoEntry: false })?.mtimeMs ?? 0

/** `.venv`: the newest supported versions. */
export const venv = venvStep({ name: 'venv', title: 'Making .venv', folder: venvs.newest, locks: ['run'] })

/**
 * The Python package in `.venv`. Not a link to the sources: an interpreter that starts in a locale without UTF-8 cannot
 * read a link to a folder with other than ASCII letters, and ends.
 */
export const pythonPackage = {
  name: 'python-package',
  title: 'Installing the Python package',
  inputs: () => [madeAt(venvs.newest), ...contents(packageFiles())],
  isThere: () => true,
  async run(line) {
    const copy = join(setupFolder, 'python-package')
    copyPythonPackage(copy)
    await pip(venvs.newest, ['--force-reinstall', '--no-deps', '--no-index', '--no-build-isolation', copy], line)
    rmSync(copy, { recursive: true, force: true })
  },
}

/** What the Python package is built from, copied anew: a build leaves its results beside the sources. */
export function copyPythonPackage(folder) {
  rmSync(folder, { recursive: true, force: true })
  for (const path of packageFiles()) cpSync(join(root, path), join(folder, path.slice('python/'.length)))
}

const packageFiles = () => [
  'python/pyproject.toml',
  'python/README.md',
  ...filesIn(join(root, 'python/src/terrarium'))
    .filter((path) => /\.(py|pyi|typed)$/.test(path))
    .map((path) => `python/src/terrarium/${path}`),
]

/**
 * A step that compiles the Python sources, which checkouts run where they are: Python writes no bytecode where the
 * environment says PYTHONDONTWRITEBYTECODE, and then each worker that starts compiles all of it. Bytecode is for one
 * text of a file, not for a time, so that it is never taken for the bytecode of another text.
 */
function bytecodeStep(name, folder) {
  const sources = ['python/src', 'python/tests', 'test/support', 'examples/analyse']
  const isSource = (path) => path.endsWith('.py')
  return {
    name,
    title: 'Compiling the Python sources',
    inputs: () => [
      madeAt(folder),
      ...contents(
        sources.flatMap((source) =>
          filesIn(join(root, source))
            .filter(isSource)
            .map((path) => join(source, path)),
        ),
      ),
    ],
    isThere: () => existsSync(join(root, 'python/src/terrarium/__pycache__')),
    async run(line) {
      const how = ['-m', 'compileall', '-q', '--invalidation-mode', 'checked-hash']
      await runPython(pythonIn(folder), [...how, ...sources.map((source) => join(root, source))], line)
    },
  }
}

export const bytecode = bytecodeStep('bytecode', venvs.newest)
export const oldestBytecode = bytecodeStep('bytecode-oldest', venvs.oldest)

const TEST_LOCKS = ['test', 'values']

/** For `.venv`: pytest and mypy, and the packages that values may come from. */
export const testTools = {
  name: 'test-tools',
  title: 'Adding the test tools to .venv',
  inputs: () => [madeAt(venvs.newest), ...contents(TEST_LOCKS.map(requirements))],
  isThere: () => existsSync(join(venvs.newest, 'bin', 'pytest')),
  run: (line) => installLocks(venvs.newest, TEST_LOCKS, line),
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

/** What examples need that train a model. Not in `.venv`: it takes longer than all the rest. */
export const learningVenv = venvStep({
  name: 'venv-learning',
  title: 'Making the environment with scikit-learn and matplotlib',
  folder: venvs.learning,
  locks: ['learning'],
})

async function installLocks(folder, locks, line) {
  const how = ['--only-binary', ':all:', '--require-hashes', '-r']
  for (const lock of locks) await pip(folder, [...how, join(root, requirements(lock))], line)
}

function pip(folder, args, line) {
  const options = ['--retries', '2', '--disable-pip-version-check', '--no-input']
  return runPython(pythonIn(folder), ['-m', 'pip', 'install', ...options, ...args], line, interpreterOf(folder))
}

/** @param {{ version: string, executable: string }} python named by a message */
function runPython(executable, args, line, python) {
  // -I: neither PYTHONPATH nor the user's own packages; PIP_USER and PIP_TARGET would install elsewhere.
  const env = { PIP_USER: undefined, PIP_TARGET: undefined, PIP_PREFIX: undefined, PYTHONHOME: undefined }
  const what = `python ${args.slice(0, 3).join(' ')}`
  return must(what, executable, ['-I', ...args], { onLine: line.detail, env }, { registry: 'pip', python })
}
