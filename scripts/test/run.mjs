import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { endCommandsOnSignals } from '../setup/command.mjs'
import { SetUpError, explain } from '../setup/failure.mjs'
import { readJson, setupFolder } from '../setup/paths.mjs'
import { createProgress, elapsed } from '../setup/progress.mjs'
import { setUp } from '../setup/set-up.mjs'
import { TEST_RUN, canScan, findLeaks, markedNow } from './leaks.mjs'
import { isLong, suites } from './suites.mjs'

/** What `npm test` has counted last: {@link runSuites} adds the rest to it. */
const lastCounts = join(setupFolder, 'reports', 'counts.json')

/**
 * Sets up, runs the suites that are asked for and prints a table and the closing line.
 *
 * @param {readonly string[]} argv names of suites or groups (lint, pytest, long), by default all that are not long;
 *   `--everything`: the long ones too; `--rest`: only those, and the closing line adds what the last run without any names has
 *   counted; what follows `--` goes to jest
 * @returns {Promise<number>} exit code
 */
export async function runSuites(argv) {
  const split = argv.includes('--') ? argv.indexOf('--') : argv.length
  const selected = select(argv.slice(0, split))
  const progress = createProgress(process.stdout)

  let interpreters
  try {
    interpreters = await setUp({ need: 'test' })
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.stdout.write('0 passed, 1 failed\n')
    return 1
  }

  const stopListening = endCommandsOnSignals()
  const run = randomBytes(8).toString('hex')
  const before = markedNow()
  const env = {
    [TEST_RUN]: run,
    TERRARIUM_PYTHON: interpreters.python,
    TERRARIUM_PYTHON_OLDEST: interpreters.oldestPython,
  }
  const rows = []
  for (const suite of selected) {
    rows.push(await runSuite(suite, { env, progress, jestArguments: argv.slice(split + 1) }))
  }
  rows.push(await checkLeaks(progress, { run, before }))
  stopListening()
  const isRest = argv.includes('--rest')
  if (argv.length === 0) writeFileSync(lastCounts, JSON.stringify(sumOf(rows)))
  return report(rows, isRest ? countsBefore() : undefined)
}

/** Nothing counted before is a failure: there were no tests whose rest this could be. */
function countsBefore() {
  return existsSync(lastCounts) ? readJson(lastCounts) : { passed: 0, failed: 1, skipped: 0 }
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
  const line = progress.step(suite.name)
  const start = performance.now()
  const outcome = await suite.run({ env, onLine: line.detail, jestArguments })
  const summary = [counts(outcome), outcome.note].filter((part) => part !== undefined).join('; ')
  if (outcome.failed === 0) {
    line.done(summary)
  } else {
    line.fail(summary)
    process.stdout.write(`${outcome.output.trimEnd()}\n\n`)
  }
  for (const skip of outcome.skips ?? []) process.stdout.write(`  skipped: ${skip}\n`)
  return { name: suite.name, ...outcome, time: performance.now() - start }
}

/** One more test: no process of a suite is left, and those that are do not stay. */
async function checkLeaks(progress, { run, before }) {
  const line = progress.step('leaks')
  const start = performance.now()
  if (!canScan) {
    line.done('skipped: only Linux can be scanned for processes')
    return { name: 'leaks', passed: 0, failed: 0, skipped: 1, time: 0 }
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
  return {
    name: 'leaks',
    passed: left.length === 0 ? 1 : 0,
    failed: left.length === 0 ? 0 : 1,
    skipped: 0,
    time: performance.now() - start,
  }
}

/** @param {ReturnType<typeof sumOf>} [before] what was counted before, and belongs to the closing line */
function report(rows, before) {
  const width = Math.max(...rows.map(({ name }) => name.length))
  const cell = (value) => String(value).padStart(8)
  process.stdout.write(`\n${'suite'.padEnd(width)}${['passed', 'failed', 'skipped', 'time'].map(cell).join('')}\n`)
  for (const { name, passed, failed, skipped, time } of rows) {
    process.stdout.write(`${name.padEnd(width)}${[passed, failed, skipped, elapsed(time)].map(cell).join('')}\n`)
  }
  const total = sumOf(before === undefined ? rows : [before, ...rows])
  if (before !== undefined) process.stdout.write(`\nbefore: ${counts(before)}\n`)
  process.stdout.write(`\n${counts(total)}\n`)
  return total.failed > 0 ? 1 : 0
}

function sumOf(rows) {
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0)
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
}

const counts = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
