// The suites of tests: what each of them runs, and how its result is counted.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import jestConfig, { LONG } from '../../jest.config.mjs'
import { runCommand } from '../setup/command.mjs'
import { pythonIn, readJson, root, setupFolder, tscCommand, venvs, workspaceFolders } from '../setup/paths.mjs'

/**
 * @typedef {{ passed: number, failed: number, skipped: number, output: string, note?: string, skips?: readonly string[]
 * }} Outcome
 *   skips: what was skipped, and why
 * @typedef {{ env: Record<string, string>, onLine: (line: string) => void, jestArguments: readonly string[],
 * files: readonly string[], isQuick: boolean }} Context
 *   files: the tests to run, or none for all; isQuick: results of unchanged files may be taken from a cache
 * @typedef {{ name: string, groups: readonly string[], weight: number, run: (context: Context) => Promise<Outcome> }}
 * Suite
 *   weight: heavier suites begin earlier; about how long it takes, in s
 */

/** In ms. */
const SUITE_TIMEOUT = 20 * 60_000
const reports = join(setupFolder, 'reports')
const bin = (name) => join(root, 'node_modules', '.bin', name)

/** About how long a suite takes beside another one on two processors, in s; 10 for a suite that is not named. */
const WEIGHTS = {
  installed: 600,
  tools: 400,
  integration: 260,
  process: 250,
  chaos: 240,
  browser: 60,
  pytest: 210,
  pool: 180,
  'pytest-oldest': 150,
  bench: 100,
  eslint: 60,
  supervisor: 60,
  threads: 20,
  worker: 40,
  examples: 40,
  cli: 30,
  prettier: 20,
}

/** Our own checks that fail the lint: the width of comments, words, and the comment at the top of a file. */
const OWN_CHECKS = ['width', 'words', 'headers']

/**
 * Tests that start no process, which Node refuses them: all of the supervisor but those of pages, which compile, and
 * these of the other packages.
 */
const UNIT = [
  'packages/supervisor/test/(?!tables)',
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

const NODE = process.execPath

/** @type {readonly Suite[]} */
export const suites = [
  lint('types', () => [[NODE, [tscCommand, '-p', 'tsconfig.check.json']]], ['check']),
  lint('eslint', ({ isQuick }) => [[bin('eslint'), ['.', '--max-warnings=0', ...cache('eslint', isQuick)]]], ['check']),
  lint('prettier', () => [[bin('prettier'), ['--check', '--log-level=warn', '.', ...cache('prettier', true)]]], [
    'check',
  ]),
  lint('prose', () => [[NODE, ['scripts/lint.mjs', ...OWN_CHECKS]]], ['check']),
  lint('knip', () => [[bin('knip'), ['--no-progress', '--treat-config-hints-as-errors']]], ['check']),
  lint('buf', () => [[bin('buf'), ['lint', 'proto']]], ['check']),
  lint('stubs', () => [[NODE, ['scripts/job.mjs', 'generate', '--check']]]),
  lint('publint', () =>
    workspaceFolders()
      .filter((folder) => folder.startsWith('packages/'))
      .map((folder) => [bin('publint'), ['run', folder, '--strict', '--pack=npm']]),
  ),
  lint('mypy', () => [[pythonIn(venvs.newest), ['-m', 'mypy', '--strict', 'src'], 'python']], ['check']),
  pytest('pytest', venvs.newest),
  // The shepherd imports none of what has versions.
  pytest('pytest-oldest', venvs.oldest, ['--ignore=tests/test_shepherd.py', '--ignore=tests/test_output.py']),
  { name: 'unit', groups: ['check'], run: (context) => runJest('unit', context) },
  ...jestConfig.projects.map(({ displayName }) => jest(displayName)),
].map((suite) => ({ weight: WEIGHTS[suite.name] ?? 10, ...suite }))

/** Options of a linter that keeps its results; by content, since times change with every checkout. */
function cache(name, isOn) {
  return isOn ? ['--cache', '--cache-strategy=content', `--cache-location=${join(setupFolder, 'cache', name)}`] : []
}

/** Whether `npm test` leaves a suite to `npm run test:everything`. */
export const isLong = ({ groups }) => groups.includes('long')

/** A suite of commands that have nothing to count: one test, which passes when every command ends with 0. */
function lint(name, commands, groups = []) {
  return {
    name,
    groups: ['lint', ...groups],
    async run({ env, onLine, isQuick }) {
      const results = await Promise.all(
        commands({ isQuick }).map(([command, args, folder = '.']) =>
          runSuiteCommand(command, args, { cwd: join(root, folder), env, onLine }),
        ),
      )
      const output = results.map((result) => result.output).join('')
      const passed = results.every(({ code }) => code === 0)
      const skips = passed ? output.split('\n').filter((line) => /not checked/.test(line)) : []
      return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: skips.length, skips, output }
    },
  }
}

function pytest(name, venv, more = []) {
  return {
    name,
    groups: ['pytest'],
    async run({ env, onLine, files }) {
      const report = freshReport(`${name}.xml`)
      const args = ['-m', 'pytest', '--junitxml', report, '--color=no', ...more, ...files]
      const { code, output } = await runSuiteCommand(pythonIn(venv), args, { cwd: join(root, 'python'), env, onLine })
      const versions = await runCommand(pythonIn(venv), ['-I', '-c', VERSIONS])
      const counted = countJunit(report)
      return { ...atLeastOneFailure(counted, code), output, note: versions.output.trim() }
    },
  }
}

const VERSIONS = `
import platform
from importlib.metadata import version
print("Python", platform.python_version() + ",", ", ".join(f"{name} {version(name)}" for name in ("grpcio", "protobuf", "msgpack")))`

function countJunit(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0, skipped: 0 }
  const xml = readFileSync(report, 'utf8')
  const suite = /<testsuite\b[^>]*>/.exec(xml)?.[0] ?? ''
  const skips = [...xml.matchAll(/<testcase[^>]*\bname="([^"]*)"[^>]*><skipped[^>]*\bmessage="([^"]*)"/g)]
  const number = (attribute) => Number(new RegExp(`\\b${attribute}="(\\d+)"`).exec(suite)?.[1] ?? 0)
  const failed = number('failures') + number('errors')
  return {
    passed: number('tests') - failed - number('skipped'),
    failed,
    skipped: number('skipped'),
    skips: skips.map(([, test, reason]) => unescapeXml(`${test} (${reason})`)),
  }
}

const ENTITIES = { '&quot;': '"', '&apos;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' }
const unescapeXml = (text) =>
  text.replace(/&(\w+|#\d+);/g, (entity) =>
    entity.startsWith('&#') ? String.fromCodePoint(Number(entity.slice(2, -1))) : (ENTITIES[entity] ?? entity),
  )

/** A suite of one project of jest's configuration. */
function jest(name) {
  const groups = LONG.includes(name) ? ['long'] : ['jest']
  return { name, groups, run: (context) => runJest(name, context) }
}

async function runJest(project, { env, onLine, jestArguments, files = [] }) {
  const report = freshReport(`${project}.json`)
  const args = [...jestCommand(project), '--json', `--outputFile=${report}`, ...jestArguments]
  if (files.length > 0) args.push('--runTestsByPath', ...files)
  const options = { env, onLine, last: /^Test results written to: / }
  const { code, output } = await runSuiteCommand(process.execPath, args, options)
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0, output }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites, testResults } =
    readJson(report)
  // What is asked of jest may choose among the tests of other projects only.
  if (jestArguments.length > 0 && testResults.length === 0) return { passed: 0, failed: 0, skipped: 0, output: '' }
  const counted = {
    passed: numPassedTests,
    failed: numFailedTests + numRuntimeErrorTestSuites,
    skipped: numPendingTests + numTodoTests,
    skips: testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => ['pending', 'todo', 'skipped'].includes(status))
      .map(({ fullName }) => fullName),
  }
  return { ...atLeastOneFailure(counted, code), output: withoutJson(output) }
}

function jestCommand(project) {
  // Jest needs these modules to run ES modules; what Node says of them and of permissions is no news.
  const warnings = ['ExperimentalWarning', 'SecurityWarning'].map((name) => `--disable-warning=${name}`)
  const flags = ['--experimental-vm-modules', ...warnings]
  const script = join(root, 'node_modules', 'jest', 'bin', 'jest.js')
  if (project !== 'unit') return [...flags, script, '--selectProjects', project]
  return [...flags, ...NO_PROCESSES, script, '--runInBand', '--watchman=false', '--testPathPatterns', ...UNIT]
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

async function runSuiteCommand(command, args, options) {
  try {
    const result = await runCommand(command, args, { ...options, timeout: SUITE_TIMEOUT })
    if (result.timedOut) result.output += `\nEnded after ${SUITE_TIMEOUT / 60_000} minutes without a result.\n`
    if (result.lingered) result.output += '\nEnded: it had a result and went on. A test has left something open.\n'
    return result
  } catch (error) {
    return { code: 1, output: `${command} cannot be run: ${error.message}\n` }
  }
}

function freshReport(name) {
  mkdirSync(reports, { recursive: true })
  rmSync(join(reports, name), { force: true })
  return join(reports, name)
}
