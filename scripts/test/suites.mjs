// The suites of tests: what each of them runs, and how its result is counted.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import jestConfig, { LONG } from '../../jest.config.mjs'
import { runCommand } from '../setup/command.mjs'
import {
  bin,
  filesIn,
  pythonIn,
  readJson,
  root,
  setupFolder,
  tscCommand,
  venvs,
  workspaceFolders,
} from '../setup/paths.mjs'

/**
 * @typedef {{ passed: number, failed: number, skipped: number, output: string, note?: string, skips?: readonly string[]
 * }} Outcome
 *   skips: what was skipped, and why
 * @typedef {{ env?: Record<string, string>, onLine?: (line: string) => void, jestArguments?: readonly string[],
 * files?: readonly string[], node?: string, isChosen?: (title: string) => boolean,
 * isWhole?: boolean }} Context
 *   files: the tests to run, or none for all; node: the Node that runs jest; isChosen: whether the suite has the test
 *   of this name, by default each; isWhole: a run of all suites, which leaves tests that need gRPC to
 *   the suite `grpc`
 * @typedef {{ name: string, groups: readonly string[], run: (context: Context) => Promise<Outcome> }} Suite
 */

/** A guard against a suite that hangs, in ms: far more than any takes on a machine that is busy. */
const SUITE_TIMEOUT = 40 * 60_000

/** The tests of the pool take longest: two files run at a time. */
const workersOf = (project) => (project === 'pool' ? ['--maxWorkers=2'] : [])

/**
 * What the name of a test says when it needs gRPC. Most of these tests run over the socket too: a whole `npm test`
 * leaves them to the long suites `grpc` and `pytest-grpc`.
 */
const GRPC = /\bgrpc\b/i

/** Where linters keep their results. */
const linted = join(setupFolder, 'linted')

/** Our own checks that fail the lint: the width of comments, words, and the comment at the top of a file. */
const OWN_CHECKS = ['width', 'words', 'headers']

/**
 * Tests that start no process, which Node refuses them: all of the supervisor, except where a test runs the compiler or
 * another runner; of the other packages the tests that are named here.
 */
const UNIT = [
  'packages/supervisor/test/(?!tables|doors|type-errors|xstate-source|testing-node)',
  'packages/inspector/test/tap/',
  'packages/process/test/lines',
  'packages/worker/test/(boot|call-table|codec|heartbeat|registered|session|session-server|session-values|views)\\.test',
  'packages/pool/test/(core/|grace)',
  'packages/cli/test/terminal',
  'examples/analyse/test/(arguments|figures|in-flight|progress|summary)',
  'test/lint/language',
  'test/mutate/',
]

/** Jest itself reads and writes files, and loads its compiler as an addon. */
const NO_PROCESSES = [
  process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission',
  ...['--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons', '--allow-worker'],
]

/** The Python tests where what has versions takes part: gRPC and its messages, and what values are written with. */
const OF_LIBRARIES = ['grpc', 'msgpack', 'values', 'apart', 'lane', 'libraries', 'missing', 'opening']

const NODE = process.execPath

/** Finds the pnpm of this checkout, which lists what a package publishes as npm does, in a sixth of the time. */
const WITH_PNPM = { PATH: [join(setupFolder, 'pnpm', 'node_modules', '.bin'), process.env.PATH].join(delimiter) }

/** @type {readonly Suite[]} */
export const suites = [
  lint('types', () => [[NODE, [tscCommand]]], ['check']),
  lint('oxlint', () => [[bin('oxlint'), ['--type-aware', '--deny-warnings']]], ['check', 'long']),
  lint('eslint', () => [[bin('eslint'), ['.', '--max-warnings=0', ...cache('eslint')]]], ['check', 'long']),
  lint('format', () => [[bin('oxfmt'), ['--check']]], ['check']),
  lint('prose', () => [[NODE, ['scripts/lint.mjs', ...OWN_CHECKS]]], ['check']),
  lint('knip', () => [[bin('knip'), ['--no-progress', '--treat-config-hints-as-errors']]], ['check', 'long']),
  lint('buf', () => [[bin('buf'), ['lint', 'proto']]], ['check']),
  // protoc has an environment of its own, which is made first.
  lint('stubs', () => [[NODE, ['scripts/job.mjs', 'generate', '--check']]], ['long']),
  lint(
    'publint',
    () =>
      workspaceFolders()
        .filter((folder) => folder.startsWith('packages/'))
        .map((folder) => [bin('publint'), ['run', folder, '--strict', '--pack=pnpm'], '.', WITH_PNPM]),
    ['long'],
  ),
  lint('mypy', () => [[pythonIn(venvs.newest), ['-m', 'mypy', '--strict', 'src'], 'python']], ['check']),
  pytest('pytest', venvs.newest, ['pytest'], ({ isWhole }) => (isWhole ? ['-k', 'not grpc'] : [])),
  pytest('pytest-grpc', venvs.newest, ['long'], () => ['-k', 'grpc']),
  pytest('pytest-oldest', venvs.oldest, ['pytest', 'long', 'oldest'], () => ['-k', OF_LIBRARIES.join(' or ')]),
  { name: 'unit', groups: ['check'], run: runUnit },
  { name: 'grpc', groups: ['long'], run: runGrpc },
  ...jestConfig.projects.map(({ displayName }) => ({
    name: displayName,
    groups: LONG.includes(displayName) ? ['long', ...(displayName === 'tools' ? ['oldest'] : [])] : ['jest'],
    run: (context) => {
      const args = ['--selectProjects', displayName, ...workersOf(displayName)]
      const isWhole = context.isWhole === true && !LONG.includes(displayName)
      return isWhole ? runWithoutGrpc(displayName, args, context) : runJest(displayName, args, context)
    },
  })),
]

/** Whether `npm test` leaves a suite to `npm run test:everything`. */
export const isLong = ({ groups }) => groups.includes('long')

/** Options of a linter that keeps its results; by content, since times change with every checkout. */
function cache(name) {
  return ['--cache', '--cache-strategy=content', `--cache-location=${join(linted, name)}`]
}

/**
 * A suite of commands that have nothing to count: one test, which passes when every command ends with 0. A command is
 * `[command, arguments, folder, variables of its environment]`.
 */
function lint(name, commands, groups = []) {
  return {
    name,
    groups: ['lint', ...groups],
    async run({ env, onLine }) {
      const results = await Promise.all(
        commands().map(([command, args, folder = '.', more = {}]) =>
          runSuiteCommand(command, args, { cwd: join(root, folder), env: { ...env, ...more }, onLine }),
        ),
      )
      const output = results.map((result) => result.output).join('')
      const passed = results.every(({ code }) => code === 0)
      const skips = passed ? output.split('\n').filter((line) => /not checked/.test(line)) : []
      return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: skips.length, skips, output }
    },
  }
}

/**
 * With the oldest packages the tests are long: an environment of their own is made. `more`: options that choose tests
 * where no file is named.
 */
function pytest(name, venv, groups, more) {
  return {
    name,
    groups,
    async run(context) {
      const { env, onLine, files } = context
      const chosen = files.length > 0 ? files : more(context)
      const args = ['-m', 'pytest', '--color=no', ...chosen]
      const { code, output } = await runSuiteCommand(pythonIn(venv), args, { cwd: join(root, 'python'), env, onLine })
      const versions = await runCommand(pythonIn(venv), ['-I', '-c', VERSIONS])
      return { ...atLeastOneFailure(countPytest(output), code), output, note: versions.output.trim() }
    },
  }
}

const VERSIONS = `
import platform
from importlib.metadata import version
print("Python", platform.python_version() + ",", ", ".join(f"{name} {version(name)}" for name in ("grpcio", "protobuf", "msgpack")))`

/** What the last line of pytest counts, and what its option -rs lists: `SKIPPED [1] FILE:LINE: REASON`. */
function countPytest(output) {
  const last = output.trimEnd().split('\n').at(-1)
  const of = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0)
  const skips = [...output.matchAll(/^SKIPPED \[\d+\] (.*)$/gm)].map(([, text]) => text)
  return { passed: of('passed'), failed: of('failed') + of('error'), skipped: of('skipped'), skips }
}

/** Runs the tests of a project that do not need gRPC. A test that the suite `grpc` would not find has failed. */
async function runWithoutGrpc(name, args, context) {
  const isChosen = (title) => !GRPC.test(title)
  const all = [...args, `--testNamePattern=^(?![^]*${GRPC.source})`]
  const outcome = await runJest(name, all, { ...context, isChosen })
  const found = grpcFiles()
  const lost = outcome.tests.filter(({ fullName, path }) => !isChosen(fullName) && !found.includes(path))
  const text = lost.map(({ fullName, path }) => `${path}: "${fullName}" needs gRPC, and its file does not say so\n`)
  return { ...outcome, failed: outcome.failed + lost.length, output: outcome.output + text.join('') }
}

/** The tests of the other suites that need gRPC. */
function runGrpc(context) {
  const args = ['--maxWorkers=2', `--testNamePattern=${GRPC.source}`]
  return runJest('grpc', args, { ...context, files: grpcFiles(), isChosen: (title) => GRPC.test(title) })
}

/** The files with such tests: each says gRPC, or runs over all transports. */
function grpcFiles() {
  return ['packages', 'examples', 'test']
    .flatMap((folder) => filesIn(join(root, folder)).map((path) => join(folder, path)))
    .filter((path) => path.endsWith('.test.ts') && !/\/(node_modules|dist)\//.test(path))
    .filter((path) => !LONG.some((name) => path.startsWith(`test/${name}/`)))
    .filter((path) => /\bgrpc\b|TRANSPORTS/i.test(readFileSync(join(root, path), 'utf8')))
}

/** The tests that start no process, in two threads: they wait for nothing but a processor. */
function runUnit(context) {
  const args = ['--workerThreads', '--maxWorkers=2', '--watchman=false', '--testPathPatterns', ...UNIT]
  return runJest('unit', args, context, NO_PROCESSES)
}

// Jest needs these modules to run ES modules; what Node says of them and of permissions is no news.
const JEST = [
  '--experimental-vm-modules',
  ...['ExperimentalWarning', 'SecurityWarning'].map((name) => `--disable-warning=${name}`),
]

/**
 * Runs jest.
 *
 * @param {string} name of its report
 * @param {readonly string[]} args
 * @param {Context} context
 * @param {readonly string[]} flags for Node
 * @returns {Promise<Outcome & { tests: readonly { title: string, fullName: string, path: string, status: string }[] }>}
 */
export async function runJest(name, args, context, flags = []) {
  const { env, onLine, jestArguments = [], files = [], node = NODE, isChosen = () => true } = context
  const report = join(setupFolder, 'reports', `${name}.json`)
  mkdirSync(join(report, '..'), { recursive: true })
  rmSync(report, { force: true })
  const all = [...JEST, ...flags, join(root, 'node_modules', 'jest', 'bin', 'jest.js'), ...args]
  all.push('--json', `--outputFile=${report}`, ...jestArguments)
  if (files.length > 0) all.push('--runTestsByPath', ...files)
  const { code, output } = await runSuiteCommand(node, all, { env, onLine, last: /^Test results written to: / })
  const nothing = { passed: 0, failed: 0, skipped: 0, skips: [], tests: [], output: '' }
  if (!existsSync(report)) return { ...nothing, failed: 1, output }
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = readJson(report)
  // What is asked of jest may choose among the tests of other projects only.
  if (jestArguments.length > 0 && testResults.length === 0) return nothing
  const tests = testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults.map((each) => ({ ...each, path: relative(root, file) })),
  )
  // Jest calls those pending too whose names do not fit the pattern.
  const skips = tests
    .filter(({ status, fullName }) => ['pending', 'todo', 'skipped'].includes(status) && isChosen(fullName))
    .map(({ fullName }) => fullName)
  const counted = {
    passed: numPassedTests,
    failed: numFailedTests + numRuntimeErrorTestSuites,
    skipped: skips.length,
    skips,
    tests,
  }
  return { ...atLeastOneFailure(counted, code), output: withoutJson(output) }
}

/** With --json jest also prints its report as one line. */
const withoutJson = (output) =>
  output
    .split('\n')
    .filter((line) => !line.startsWith('{"num'))
    .join('\n')

/** A runner that ended badly, or that ran nothing, has failed whatever it counted. */
function atLeastOneFailure(counted, code) {
  const isBad = code !== 0 || counted.passed + counted.failed === 0
  return { ...counted, failed: isBad ? Math.max(1, counted.failed) : counted.failed }
}

const OVERDUE = {
  timeout: `Ended after ${SUITE_TIMEOUT / 60_000} minutes without a result.`,
  lingering: 'Ended: it had a result and went on. A test has left something open.',
}

async function runSuiteCommand(command, args, options) {
  try {
    const result = await runCommand(command, args, { ...options, timeout: SUITE_TIMEOUT })
    if (result.overdue !== undefined) result.output += `\n${OVERDUE[result.overdue]}\n`
    return result
  } catch (error) {
    return { code: 1, output: `${command} cannot be run: ${error.message}\n` }
  }
}
