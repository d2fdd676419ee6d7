import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { endCommands, endCommandsOnSignals } from '../setup/command.mjs'
import { SetUpError, explain } from '../setup/failure.mjs'
import { readJson, setupFolder } from '../setup/paths.mjs'
import { createProgress, elapsed } from '../setup/progress.mjs'
import { setUp } from '../setup/set-up.mjs'
import { startGuard } from './guard.mjs'
import { TEST_RUN, canScan, findLeaks, markedNow } from './leaks.mjs'
import { watchNpm } from './npm.mjs'
import { isLong, suites } from './suites.mjs'

/** What the `npm test` before has counted: {@link runSuites} adds the rest to it. */
const lastCounts = join(setupFolder, 'reports', 'counts.json')

/** Suites that run at the same time: one more than there are processors, since most tests wait for processes. */
const LANES = Math.min(4, availableParallelism() + 1)

/**
 * Sets up, runs the suites that are asked for and prints a table and the closing line.
 *
 * @param {readonly string[]} argv names of suites or groups (lint, pytest, jest, long), by default all that are not
 * long;
 *   `--everything`: the long ones too; `--rest`: only those, and the closing line adds what the last run without any
 *   names has counted; what follows `--` goes to jest
 * @returns {Promise<number>} exit code
 */
export async function runSuites(argv) {
  const split = argv.includes('--') ? argv.indexOf('--') : argv.length
  const selected = select(argv.slice(0, split))
  const jestArguments = argv.slice(split + 1)
  const progress = createProgress(process.stdout)
  // Counts of an earlier run must not stand in for those of a run that crashes.
  if (argv.length === 0) rmSync(lastCounts, { force: true })

  // From the first: a run that has lost its npm cannot tell later which process that was.
  const stopWatching = watchNpm(() => void endCommands().then(() => process.exit(1)))
  let interpreters
  try {
    interpreters = await setUp({ need: 'test' })
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.stdout.write('0 passed, 1 failed\n')
    stopWatching()
    return 1
  }

  const run = randomBytes(8).toString('hex')
  const guard = startGuard(run)
  const stopListening = endCommandsOnSignals()
  const before = markedNow()
  const env = {
    [TEST_RUN]: run,
    TERRARIUM_PYTHON: interpreters.python,
    TERRARIUM_PYTHON_OLDEST: interpreters.oldestPython,
  }
  const rows = await runInLanes(selected, (suite) => runSuite(suite, { env, progress, jestArguments }))
  rows.push(await checkLeaks(progress, { run, before }))
  stopWatching()
  stopListening()
  guard.dismiss()
  const isRest = argv.includes('--rest')
  const earlier = isRest ? countsBefore() : undefined
  const total = report(rows, earlier)
  if (argv.length === 0) {
    mkdirSync(dirname(lastCounts), { recursive: true })
    writeFileSync(lastCounts, JSON.stringify(total))
  }
  return total.failed > 0 || total.passed === 0 ? 1 : 0
}

/** Runs as many at a time as there are lanes, and answers the results in the order of the suites. */
async function runInLanes(selected, run) {
  const rows = new Array(selected.length)
  // The longest first, so that no lane is empty in the end.
  const waiting = [...selected.keys()].sort((one, other) => selected[other].weight - selected[one].weight)
  const lane = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      rows[index] = await run(selected[index])
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return rows
}

/** Nothing counted before is a failure: there were no tests whose rest this could be. */
function countsBefore() {
  return existsSync(lastCounts) ? readJson(lastCounts) : { passed: 0, failed: 1, skipped: 0, skips: [] }
}

function select(argv) {
  const names = argv.filter((each) => !['--everything', '--rest'].includes(each))
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name || suite.groups.includes(name)))
  if (unknown.length > 0) {
    const known = [...new Set(suites.flatMap((suite) => [...suite.groups, suite.name]))].join(', ')
    throw new SetUpError(`No suite is called ${unknown.join(', ')}. There are: ${known}.`)
  }
  if (names.length === 0) {
    if (argv.includes('--rest')) return suites.filter(isLong)
    return argv.includes('--everything') ? suites : suites.filter((suite) => !isLong(suite))
  }
  return suites.filter((suite) => names.includes(suite.name) || suite.groups.some((group) => names.includes(group)))
}

async function runSuite(suite, { env, progress, jestArguments }) {
  const line = progress.step(suite.name, { alone: false })
  const start = performance.now()
  const outcome = await suite.run({ env, onLine: line.detail, jestArguments })
  const summary = [counts(outcome), outcome.note].filter((part) => part !== undefined).join('; ')
  if (outcome.failed === 0) {
    line.done(summary)
  } else {
    line.fail(summary)
    progress.note(`${outcome.output.trimEnd()}\n`)
  }
  return { skips: [], ...outcome, name: suite.name, time: performance.now() - start }
}

/** One more test: no process of a suite is left, and those that are do not stay. */
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
    if (!isOurs) continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
  return row({ [left.length === 0 ? 'passed' : 'failed']: 1, time: performance.now() - start })
}

/**
 * Prints the table, each skipped test with its reason, and the closing line. Answers its numbers.
 *
 * @param {ReturnType<typeof sumOf>} [before] what was counted before, and belongs to the closing line
 */
function report(rows, before) {
  const width = Math.max(...rows.map(({ name }) => name.length))
  const cell = (value) => String(value).padStart(8)
  process.stdout.write(`\n${'suite'.padEnd(width)}${['passed', 'failed', 'skipped', 'time'].map(cell).join('')}\n`)
  for (const { name, passed, failed, skipped, time } of rows) {
    process.stdout.write(`${name.padEnd(width)}${[passed, failed, skipped, elapsed(time)].map(cell).join('')}\n`)
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
