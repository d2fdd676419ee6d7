// npm run compat [xstate] [node]: runs the tests of the supervisor on the oldest and the newest XState that it allows
// and on the newest alpha of the next one, and these tests and those of the installed packages on every supported Node.
// Prints one table. A failure on the alpha is printed, and is not counted as one of this command.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import jestConfig from '../jest.config.mjs'
import { runCommand } from './setup/command.mjs'
import { readJson, root, setupFolder } from './setup/paths.mjs'

const folder = join(setupFolder, 'compat')
const modules = join(folder, 'node_modules')
const JEST = join(root, 'node_modules', 'jest', 'bin', 'jest.js')
/** In ms, for one run of a suite. */
const TIMEOUT = 30 * 60_000

/** The lines of Node that are supported, and how the tests of installed packages call them. */
const NODES = { 20: 'node20', 22: 'node22', 24: 'node24', 26: 'newest' }

const USAGE = `Usage: npm run compat [-- xstate|node]

  xstate   the supervisor's tests on the oldest and the newest XState, and on the newest alpha of the next one
  node     the supervisor's tests and those of the installed packages on each supported Node

Without a word both. Installs the versions from the npm registry into .setup/compat. Takes some minutes.
`

/** @typedef {{ what: string, on: string, passed: number, failed: number, skipped: number, counts: boolean }} Row */

/**
 * @param {readonly string[]} argv which half to run, `xstate` or `node`; default both
 * @returns {Promise<number>} exit code
 */
export async function main(argv) {
  if (argv.includes('--help')) return void process.stdout.write(USAGE)
  const halves = { xstate: onXStates, node: onNodes }
  const unknown = argv.filter((half) => !Object.hasOwn(halves, half))
  if (unknown.length > 0) {
    process.stderr.write(USAGE)
    return 2
  }
  const rows = []
  for (const [name, half] of Object.entries(halves)) {
    if (argv.length === 0 || argv.includes(name)) rows.push(...(await half()))
  }
  print(rows)
  return rows.some(({ counts, passed, failed }) => counts && (failed > 0 || passed === 0)) ? 1 : 0
}

/** @returns {Promise<Row[]>} */
async function onXStates() {
  const versions = JSON.parse(await must('npm', ['view', 'xstate', 'versions', '--json']))
  const alpha = newest(versions.filter((version) => /^6\.0\.0-alpha\.\d+$/.test(version)))
  const wanted = { oldest: '5.20.0', newest: '5', ...(alpha === undefined ? {} : { next: alpha }) }
  await install(Object.entries(wanted).map(([alias, version]) => [`xstate-${alias}`, `xstate@${version}`]))
  const project = jestConfig.projects.find(({ displayName }) => displayName === 'supervisor')
  const rows = []
  for (const alias of Object.keys(wanted)) {
    const path = join(modules, `xstate-${alias}`)
    const { version } = readJson(join(path, 'package.json'))
    const moduleNameMapper = { ...project.moduleNameMapper, '^xstate$': path }
    const config = join(folder, `jest-${alias}.json`)
    writeFileSync(config, JSON.stringify({ ...project, moduleNameMapper }))
    const report = await jest(process.execPath, ['--config', config])
    rows.push({ what: 'supervisor', on: `XState ${version}`, counts: alias !== 'next', ...count(report) })
  }
  return rows
}

const newest = (versions) =>
  versions.sort((one, other) => Number(one.split('.').at(-1)) - Number(other.split('.').at(-1))).at(-1)

/** @returns {Promise<Row[]>} */
async function onNodes() {
  const name = `node-${process.platform}-${process.arch}`
  await install(Object.keys(NODES).map((line) => [`node${line}`, `${name}@${line}`]))
  const rows = []
  for (const line of Object.keys(NODES)) {
    const node = join(modules, `node${line}`, 'bin', 'node')
    const version = (await must(node, ['--version'])).trim().slice(1)
    const report = await jest(node, ['--selectProjects', 'supervisor'])
    rows.push({ what: 'supervisor', on: `Node ${version}`, counts: true, ...count(report) })
  }
  const onEach = ['--testPathPatterns', 'test/installed/installed', '--testNamePattern', '^A1: on ']
  const report = await jest(process.execPath, ['--selectProjects', 'installed', ...onEach])
  for (const [line, called] of Object.entries(NODES)) {
    const counted = count(report, (title) => title.startsWith(`A1: on ${called} `))
    const on = called === 'newest' ? 'the newest Node' : `Node ${line}`
    rows.push({ what: 'installed packages', on, counts: true, ...counted })
  }
  return rows
}

/** Installs packages of npm under names of our own, `[name, package@version]`. */
async function install(packages) {
  mkdirSync(folder, { recursive: true })
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }')
  const wanted = packages.map(([name, spec]) => `${name}@npm:${spec}`)
  await must('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted], { cwd: folder })
}

/** Runs jest on a Node. @returns {Promise<object | undefined>} its report, unless it did not write one */
async function jest(node, args) {
  const file = join(folder, 'report.json')
  rmSync(file, { force: true })
  const flags = ['--experimental-vm-modules', '--no-warnings', JEST, '--json', `--outputFile=${file}`]
  process.stdout.write(`jest ${args.join(' ')}, on ${node}\n`)
  const { output } = await runCommand(node, [...flags, ...args], {
    timeout: TIMEOUT,
    last: /^Test results written to: /,
  })
  const report = existsSync(file) ? readJson(file) : undefined
  for (const { title, file: path } of failures(report)) process.stdout.write(`  failed: ${path}: ${title}\n`)
  if (report === undefined) process.stdout.write(output)
  return report
}

/** The tests that failed, and the files that could not be loaded. */
function failures(report) {
  return (report?.testResults ?? []).flatMap(({ name, message, assertionResults }) => {
    const file = name.slice(root.length + 1)
    const failed = assertionResults.filter(({ status }) => status === 'failed')
    const isBroken = assertionResults.length === 0 && message !== ''
    const reason = message.split('\n').find((text) => /Error: /.test(text)) ?? message.split('\n')[0]
    return isBroken ? [{ title: reason.trim(), file }] : failed.map(({ fullName }) => ({ title: fullName, file }))
  })
}

/** What a report counts of the tests whose title is wanted. A file that could not be loaded is one failure. */
function count(report, isWanted = () => true) {
  const tests = (report?.testResults ?? []).flatMap(({ assertionResults }) => assertionResults)
  const of = (...statuses) => tests.filter(({ status, title }) => statuses.includes(status) && isWanted(title)).length
  const broken = report?.numRuntimeErrorTestSuites ?? 1
  return { passed: of('passed'), failed: of('failed') + broken, skipped: of('pending', 'todo') }
}

async function must(command, args, options) {
  const { code, output } = await runCommand(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${output}`)
  return output
}

/** @param {readonly Row[]} rows */
function print(rows) {
  const head = ['tests of', 'on', 'passed', 'failed', 'skipped']
  const cells = rows.map(({ what, on, passed, failed, skipped, counts }) => [
    what,
    on + (counts ? '' : ' (not counted)'),
    ...[passed, failed, skipped].map(String),
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column].length)))
  for (const row of [head, ...cells]) {
    const padded = row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
    process.stdout.write(`${padded.join('  ')}\n`)
  }
}
