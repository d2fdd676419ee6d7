// Runs the tests: sets up, runs the suites side by side, looks for processes that they have left, and prints a table
// and the closing line.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { signal } from '../processes.mjs'
import { endCommands, endCommandsOnSignals } from '../setup/command.mjs'
import { explain } from '../setup/failure.mjs'
import { readJson, setupFolder } from '../setup/paths.mjs'
import { createProgress, elapsed } from '../setup/progress.mjs'
import { setUp } from '../setup/set-up.mjs'
import { startGuard, watchNpm } from './guard.mjs'
import { TEST_RUN, canScan, findLeaks, spawnedNow } from './leaks.mjs'
import { needOf, select } from './select.mjs'
import { isLong, suites } from './suites.mjs'

const USAGE = `Usage: npm test [-- WHAT … [-- JEST OPTIONS]]

WHAT is a suite, a group or a path; without one, all suites but the long ones run.
  a suite       ${suites.map(({ name }) => name).join(' ')}
  a group       ${[...new Set(suites.flatMap(({ groups }) => groups))].join(' ')}
  a path        a file or folder: a test, or sources, of which the tests that belong to them run
  --everything  the long suites too: npm run test:everything
  --rest        the long suites only; the closing line adds what the last \`npm test\` has counted
What follows a second -- goes to jest, for example --testNamePattern.
`

/** What the \`npm test\` before has counted: a run with \`--rest\` adds its own to it. */
const lastCounts = join(setupFolder, 'reports', 'counts.json')

/** Suites that run at the same time: more than there are processors, since most tests wait for processes. */
const LANES = Math.min(6, availableParallelism() + 2)

/** From short to long, shorter ones left out. The longest begin first, so that no lane is empty in the end. */
const BY_LENGTH = [
  ...[
    'eslint',
    'threads',
    'inspector',
    'oxlint',
    'observe',
    'cli',
    'examples',
    'worker',
    'unit',
    'bench',
    'supervisor',
  ],
  ...[
    'pytest-grpc',
    'chaos',
    'pytest',
    'pytest-oldest',
    'process',
    'integration',
    'pool',
    'grpc',
    'tools',
    'installed',
  ],
]

/**
 * @param {readonly string[]} argv see USAGE
 * @returns {Promise<number>} exit code
 */
export async function main(argv) {
  if (argv.includes('--help')) return void process.stdout.write(USAGE)
  const split = argv.includes('--') ? argv.indexOf('--') : argv.length
  const words = argv.slice(0, split).filter((word) => !word.startsWith('--'))
  const selected = selectedSuites(words, argv)
  const progress = createProgress(process.stdout)
  // Counts of an earlier run must not stand in for those of a run that crashes.
  if (argv.length === 0) rmSync(lastCounts, { force: true })

  // From the first: a run that has lost its npm cannot tell later which process that was.
  const stopWatching = watchNpm(() => void endCommands().then(() => process.exit(1)))
  let interpreters
  try {
    interpreters = await setUp({ need: needOf(selected.map(([suite]) => suite)) })
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.stdout.write('0 passed, 1 failed\n')
    stopWatching()
    return 1
  }

  const run = randomBytes(8).toString('hex')
  const guard = startGuard(`${TEST_RUN}=${run}`)
  const stopListening = endCommandsOnSignals()
  const before = await spawnedNow()
  const env = {
    [TEST_RUN]: run,
    TERRARIUM_PYTHON: interpreters.python,
    TERRARIUM_PYTHON_OLDEST: interpreters.oldestPython,
  }
  const jestArguments = argv.slice(split + 1)
  const context = { env, jestArguments, isWhole: words.length === 0 && jestArguments.length === 0 }
  const rows = await runInLanes(selected, ([suite, files]) => runSuite(suite, { ...context, files }, progress))
  rows.push(await checkLeaks(progress, { run, before }))
  stopWatching()
  stopListening()
  guard.dismiss()
  const total = printTotal(rows, argv.includes('--rest') ? countsBefore() : undefined)
  if (argv.length === 0) {
    mkdirSync(dirname(lastCounts), { recursive: true })
    writeFileSync(lastCounts, JSON.stringify(total))
  }
  return total.failed > 0 || total.passed === 0 ? 1 : 0
}

/** The suites that are asked for, in their order, each with the test files that are to run of it. */
function selectedSuites(words, argv) {
  if (words.length > 0) {
    const files = select(words, suites)
    return suites.filter(({ name }) => files.has(name)).map((suite) => [suite, files.get(suite.name)])
  }
  const isWanted = argv.includes('--rest') ? isLong : (suite) => argv.includes('--everything') || !isLong(suite)
  return suites.filter((suite) => suite.name !== 'unit' && isWanted(suite)).map((suite) => [suite, []])
}

/** Runs as many at a time as there are lanes, and answers the results in the order of the suites. */
async function runInLanes(selected, run) {
  const rows = new Array(selected.length)
  const lengthOf = (index) => BY_LENGTH.indexOf(selected[index][0].name)
  const waiting = [...selected.keys()].sort((one, other) => lengthOf(other) - lengthOf(one))
  const lane = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      rows[index] = await run(selected[index])
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return rows
}

/** Runs one suite and answers its row in the table. @param {import('./suites.mjs').Suite} suite */
export async function runSuite(suite, context, progress) {
  const line = progress.step(suite.name, { alone: false })
  const start = performance.now()
  const outcome = await suite.run({ ...context, onLine: line.detail })
  const summary = [counts(outcome), outcome.note].filter((part) => part !== undefined).join('; ')
  if (outcome.failed === 0) {
    line.done(summary)
  } else {
    line.fail(summary)
    progress.note(`${outcome.output.trimEnd()}\n`)
  }
  return { skips: [], ...outcome, name: suite.name, time: performance.now() - start }
}

/** One more test: no process of a suite is left. Processes that are left are killed. */
async function checkLeaks(progress, { run, before }) {
  const line = progress.step('leaks')
  const start = performance.now()
  const row = (counted) => ({ name: 'leaks', passed: 0, failed: 0, skipped: 0, skips: [], ...counted })
  if (!canScan) {
    const reason = 'only Linux can be scanned for processes'
    line.done(`skipped: ${reason}`)
    return row({ skipped: 1, skips: [`no process is left (${reason})`], time: 0 })
  }
  const left = await findLeaks({ run, before, deadline: 3000 })
  if (left.length === 0) line.done('0 processes left')
  else line.fail(`${left.length} processes left`)
  for (const { pid, command, isOurs } of left) {
    process.stdout.write(`  left behind: ${pid} ${command}\n`)
    if (isOurs) signal(pid, 'SIGKILL')
  }
  return row({ [left.length === 0 ? 'passed' : 'failed']: 1, time: performance.now() - start })
}

/** Nothing counted before is a failure: there were no tests whose rest this could be. */
const countsBefore = () =>
  existsSync(lastCounts) ? readJson(lastCounts) : { passed: 0, failed: 1, skipped: 0, skips: [] }

/**
 * Prints the table, each skipped test with its reason, and the closing line. Answers its numbers.
 *
 * @param {readonly object[]} rows
 * @param {ReturnType<typeof sumOf>} [before] what was counted before, and belongs to the closing line
 */
export function printTotal(rows, before) {
  const width = Math.max(...rows.map(({ name }) => name.length))
  const line = (name, counted, time) =>
    `${name.padEnd(width)}${counted.map((value) => String(value).padStart(8)).join('')}${time.padStart(13)}\n`
  process.stdout.write(`\n${line('suite', ['passed', 'failed', 'skipped'], 'time')}`)
  for (const { name, passed, failed, skipped, time } of rows) {
    process.stdout.write(line(name, [passed, failed, skipped], elapsed(time)))
  }
  if (before !== undefined) process.stdout.write(`\nbefore: ${counts(before)}\n`)
  const total = sumOf(before === undefined ? rows : [before, ...rows])
  if (total.skips.length > 0) process.stdout.write('\n')
  for (const skip of total.skips) process.stdout.write(`skipped: ${skip}\n`)
  process.stdout.write(`\n${counts(total)}\n`)
  return total
}

function sumOf(rows) {
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0)
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
    skips: rows.flatMap(({ name, skips }) => skips.map((skip) => (name === undefined ? skip : `${name}: ${skip}`))),
  }
}

const counts = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
