// npm run compat [xstate] [node]: runs the tests of the supervisor and of the inspector's tap on the oldest and the
// newest XState that they allow and on the newest alpha of the next one, and the tests of the supervisor and of the
// installed packages on every supported Node.
// Prints one table. A failure on the alpha is printed, and is not counted as one of this command.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import jestConfig from '../jest.config.mjs'
import { mustRun } from './setup/command.mjs'
import { readJson, setupFolder } from './setup/paths.mjs'
import { createProgress } from './setup/progress.mjs'
import { printTotal, runSuite } from './test/run.mjs'
import { runJest } from './test/suites.mjs'

const folder = join(setupFolder, 'compat')
const modules = join(folder, 'node_modules')

/** The lines of Node that are supported, and how the tests of installed packages call them. */
const NODES = { 20: 'node20', 22: 'node22', 24: 'node24', 26: 'newest' }

/** Projects that run on versions of XState, and which of their tests: other tests start programs with their own. */
const ON_XSTATES = {
  supervisor: [],
  inspector: ['--testPathPatterns', 'packages/inspector/test/(tap/|inspector)'],
}

const USAGE = `Usage: npm run compat [-- xstate|node]

  xstate   the tests of the supervisor and of the inspector's tap on the oldest and the newest XState, and on the
           newest alpha of the next one
  node     the supervisor's tests and those of the installed packages on each supported Node

Without a word both. Installs the versions from the npm registry into .setup/compat. Takes some minutes.
`

/**
 * @param {readonly string[]} argv which half to run, `xstate` or `node`; default both
 * @returns {Promise<number>} exit code
 */
export async function main(argv) {
  if (argv.includes('--help')) return void process.stdout.write(USAGE)
  const halves = { xstate: onXStates, node: onNodes }
  if (!argv.every((half) => Object.hasOwn(halves, half))) {
    process.stderr.write(USAGE)
    return 2
  }
  const progress = createProgress(process.stdout)
  const rows = []
  for (const [name, half] of Object.entries(halves)) {
    if (argv.length > 0 && !argv.includes(name)) continue
    for await (const suite of half()) rows.push(await runSuite(suite, {}, progress))
  }
  return printTotal(rows).failed > 0 ? 1 : 0
}

/** The suites that run on versions of XState. */
async function* onXStates() {
  const versions = JSON.parse(await mustRun('npm', ['view', 'xstate', 'versions', '--json']))
  const alphas = versions.flatMap((version) => /^6\.0\.0-alpha\.(\d+)$/.exec(version)?.[1] ?? [])
  const next = alphas.length === 0 ? {} : { next: `6.0.0-alpha.${Math.max(...alphas)}` }
  const wanted = { oldest: '5.20.0', newest: '5', ...next }
  await install(Object.entries(wanted).map(([alias, version]) => [`xstate-${alias}`, `xstate@${version}`]))
  for (const alias of Object.keys(wanted)) {
    const path = join(modules, `xstate-${alias}`)
    const { version } = readJson(join(path, 'package.json'))
    for (const [name, which] of Object.entries(ON_XSTATES)) {
      const project = jestConfig.projects.find(({ displayName }) => displayName === name)
      const moduleNameMapper = { ...project.moduleNameMapper, '^xstate$': path }
      const config = join(folder, `jest-${name}-${alias}.json`)
      writeFileSync(config, JSON.stringify({ ...project, moduleNameMapper, testTimeout: jestConfig.testTimeout }))
      const run = (context) => runJest(`${name}-xstate-${alias}`, ['--config', config, ...which], context)
      yield { name: `${name} on XState ${version}`, run: alias === 'next' ? uncounted(run) : run }
    }
  }
}

/** Prints failures, and does not count them. */
const uncounted = (run) => async (context) => {
  const outcome = await run(context)
  if (outcome.failed === 0) return outcome
  process.stdout.write(outcome.output)
  return { ...outcome, failed: 0, note: `${outcome.failed} failed, which is not counted` }
}

/** The suites that run on versions of Node. */
async function* onNodes() {
  const name = `node-${process.platform}-${process.arch}`
  await install(Object.keys(NODES).map((line) => [`node${line}`, `${name}@${line}`]))
  for (const line of Object.keys(NODES)) {
    const node = join(modules, `node${line}`, 'bin', 'node')
    const version = (await mustRun(node, ['--version'])).trim().slice(1)
    const run = (context) => runJest(`node-${line}`, ['--selectProjects', 'supervisor'], { ...context, node })
    yield { name: `supervisor on Node ${version}`, run }
  }
  const which = ['--testPathPatterns', 'test/installed/installed', '--testNamePattern', '^A1: on ']
  let all
  for (const [line, called] of Object.entries(NODES)) {
    const run = async (context) => {
      all ??= await runJest('installed', ['--selectProjects', 'installed', ...which], context)
      return countOf(all, `A1: on ${called} `)
    }
    yield { name: `installed packages on ${called === 'newest' ? 'the newest Node' : `Node ${line}`}`, run }
  }
}

/** What an outcome counts of the tests whose title begins with a text. None at all are one failure. */
function countOf({ tests, output }, beginning) {
  const of = (status) => tests.filter((test) => test.status === status && test.title.startsWith(beginning)).length
  const [passed, failed, skipped] = ['passed', 'failed', 'pending'].map(of)
  return { passed, failed: passed === 0 ? Math.max(1, failed) : failed, skipped, output }
}

/** Installs packages of npm under names of our own, `[name, package@version]`. */
async function install(packages) {
  mkdirSync(folder, { recursive: true })
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }')
  const wanted = packages.map(([name, spec]) => `${name}@npm:${spec}`)
  await mustRun('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted], { cwd: folder })
}
